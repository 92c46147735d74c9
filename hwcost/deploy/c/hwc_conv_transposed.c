#include "hwc.h"

/* One output before rescaling: what every input place whose window covers (y, x) adds. y and x are counted from the padding's edge. */
static int32_t gathered(const struct hwc_conv *layer, const int8_t *in, const int8_t *weights, int32_t y, int32_t x) {
    const struct hwc_window *w = &layer->window;
    int32_t channels = layer->in_channels / layer->groups, sum = 0;
    for (int32_t i = 0; i < w->kernel_height; i++) {
        int32_t down = y - i * w->dilation_y, from_y = down / w->stride_y;
        if (down < 0 || down % w->stride_y || from_y >= w->in_height) continue;
        for (int32_t j = 0; j < w->kernel_width; j++) {
            int32_t across = x - j * w->dilation_x, from_x = across / w->stride_x;
            if (across < 0 || across % w->stride_x || from_x >= w->in_width) continue;
            const int8_t *place = in + (from_y * w->in_width + from_x) * layer->in_channels;
            const int8_t *tap = weights + (i * w->kernel_width + j) * channels;
            for (int32_t c = 0; c < channels; c++) sum += tap[c] * (place[c] - layer->input_zero);
        }
    }
    return sum;
}

/* Transposed convolution, one output at a time; places that no window covers hold the bias alone. */
void hwc_conv_transposed(const struct hwc_conv *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    int32_t channels = layer->in_channels / layer->groups, group = layer->out_channels / layer->groups;
    int32_t window = w->kernel_height * w->kernel_width * channels;
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++) {
            for (int32_t o = 0; o < layer->out_channels; o++) {
                const int8_t *first = in + o / group * channels;
                int32_t sum = layer->bias[o] + gathered(layer, first, layer->weights + o * window, y + w->pad_top, x + w->pad_left);
                *out++ = hwc_clamped(hwc_rescale(sum, layer->multipliers[o], layer->shift), layer->range);
            }
        }
    }
}
