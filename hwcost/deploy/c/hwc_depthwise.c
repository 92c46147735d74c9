#include "hwc.h"

/* One output of a depthwise convolution: the window at (y, x) of one input channel, zero point outside the image. */
static inline int32_t window_sum(const struct hwc_conv *layer, const int8_t *in, const int8_t *weights, int32_t y, int32_t x) {
    const struct hwc_window *w = &layer->window;
    int32_t sum = 0;
    for (int32_t i = 0; i < w->kernel_height; i++, y += w->dilation_y) {
        int32_t column = x;
        const int8_t *place = in + (y * w->in_width + x) * layer->in_channels;
        for (int32_t j = 0; j < w->kernel_width; j++, column += w->dilation_x, place += w->dilation_x * layer->in_channels) {
            int32_t inside = y >= 0 && y < w->in_height && column >= 0 && column < w->in_width;
            sum += *weights++ * (inside ? *place : layer->input_zero);
        }
    }
    return sum;
}

/* Depthwise convolution: groups = in_channels, each channel with a window of its own or several. */
void hwc_depthwise(const struct hwc_conv *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    int32_t multiple = layer->out_channels / layer->in_channels, taps = w->kernel_height * w->kernel_width;
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++) {
            int32_t top = y * w->stride_y - w->pad_top, left = x * w->stride_x - w->pad_left, o = 0;
            for (int32_t c = 0; c < layer->in_channels; c++) {
                for (int32_t m = 0; m < multiple; m++, o++) {
                    int32_t sum = layer->bias[o] + window_sum(layer, in + c, layer->weights + o * taps, top, left);
                    *out++ = hwc_clamped(hwc_rescale(sum, layer->multipliers[o], layer->shift), layer->range);
                }
            }
        }
    }
}
