#include "hwc.h"

/* Places of a window along one axis that lie inside the image. */
static int32_t places_inside(int32_t start, int32_t kernel, int32_t dilation, int32_t size) {
    int32_t places = 0;
    for (int32_t i = 0; i < kernel; i++, start += dilation) places += start >= 0 && start < size;
    return places;
}

/* Sum over the places of the window at (y, x) that lie inside the image, in one channel. */
static inline int32_t window_sum(const struct hwc_average_pool *layer, const int8_t *in, int32_t y, int32_t x) {
    const struct hwc_window *w = &layer->window;
    int32_t sum = 0;
    for (int32_t i = 0; i < w->kernel_height; i++, y += w->dilation_y) {
        if (y < 0 || y >= w->in_height) continue;
        for (int32_t j = 0, column = x; j < w->kernel_width; j++, column += w->dilation_x)
            if (column >= 0 && column < w->in_width) sum += in[(y * w->in_width + column) * layer->channels] - layer->input_zero;
    }
    return sum;
}

/* Average pooling; a window that lies outside the image altogether holds the output's zero point. */
void hwc_average_pool(const struct hwc_average_pool *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++) {
            int32_t top = y * w->stride_y - w->pad_top, left = x * w->stride_x - w->pad_left;
            int32_t counted = w->kernel_height * w->kernel_width;
            if (!layer->count_padding)
                counted = places_inside(top, w->kernel_height, w->dilation_y, w->in_height) *
                          places_inside(left, w->kernel_width, w->dilation_x, w->in_width);
            int32_t multiplier = counted ? layer->multipliers[counted - 1] : 0;
            for (int32_t c = 0; c < layer->channels; c++)
                *out++ = hwc_clamped(hwc_rescale(window_sum(layer, in + c, top, left), multiplier, layer->shift), layer->range);
        }
    }
}
