#include "hwc.h"

/* The largest of the places of the window at (y, x) that lie inside the image, in one channel; -128 where none does. */
static inline int32_t window_largest(const struct hwc_max_pool *layer, const int8_t *in, int32_t y, int32_t x) {
    const struct hwc_window *w = &layer->window;
    int32_t largest = -128;
    for (int32_t i = 0; i < w->kernel_height; i++, y += w->dilation_y) {
        if (y < 0 || y >= w->in_height) continue;
        for (int32_t j = 0, column = x; j < w->kernel_width; j++, column += w->dilation_x) {
            if (column < 0 || column >= w->in_width) continue;
            int32_t value = in[(y * w->in_width + column) * layer->channels];
            if (value > largest) largest = value;
        }
    }
    return largest;
}

/* Max pooling. */
void hwc_max_pool(const struct hwc_max_pool *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    struct hwc_clamp range = {0, layer->range.low, layer->range.high};
    for (int32_t y = 0; y < w->out_height; y++)
        for (int32_t x = 0; x < w->out_width; x++)
            for (int32_t c = 0; c < layer->channels; c++)
                *out++ = hwc_clamped(window_largest(layer, in + c, y * w->stride_y - w->pad_top, x * w->stride_x - w->pad_left), range);
}
