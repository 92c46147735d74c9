#include "hwc.h"

/* Sum of n weights times n inputs. */
static inline int32_t dot(const int8_t *weights, const int8_t *in, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += weights[i] * in[i];
    return sum;
}

/* Sum of n weights: what places outside the image are multiplied by. */
static inline int32_t total(const int8_t *weights, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += weights[i];
    return sum;
}

/* The columns of a window that lie inside the image: first to last, the last excluded. */
struct columns {
    int32_t first, last, x;
};

static inline struct columns columns_inside(const struct hwc_window *w, int32_t x) {
    struct columns inside = {0, w->kernel_width, x};
    while (inside.first < inside.last && x + inside.first * w->dilation_x < 0) inside.first++;
    while (inside.last > inside.first && x + (inside.last - 1) * w->dilation_x >= w->in_width) inside.last--;
    return inside;
}

/* One row of a window: inputs inside the image, the input's zero point outside. `in` is the image's row at the group's first channel. */
static int32_t row(const struct hwc_conv *layer, const int8_t *weights, const int8_t *in, struct columns inside) {
    const struct hwc_window *w = &layer->window;
    int32_t channels = layer->in_channels / layer->groups;
    int32_t before = inside.first * channels, after = inside.last * channels;
    int32_t outside = total(weights, before) + total(weights + after, w->kernel_width * channels - after);
    int32_t sum = outside * layer->input_zero;
    const int8_t *place = in + (inside.x + inside.first * w->dilation_x) * layer->in_channels;
    if (layer->groups == 1 && w->dilation_x == 1) return sum + dot(weights + before, place, after - before);
    for (int32_t j = inside.first; j < inside.last; j++, place += w->dilation_x * layer->in_channels)
        sum += dot(weights + j * channels, place, channels);
    return sum;
}

/* Convolution with any window, stride, dilation, padding and number of groups: one output at a time, row by row of its window. */
void hwc_conv(const struct hwc_conv *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    int32_t channels = layer->in_channels / layer->groups, group = layer->out_channels / layer->groups;
    int32_t row_weights = w->kernel_width * channels, row_bytes = w->in_width * layer->in_channels;
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++) {
            struct columns inside = columns_inside(w, x * w->stride_x - w->pad_left);
            const int8_t *weights = layer->weights;
            for (int32_t o = 0; o < layer->out_channels; o++) {
                const int8_t *first = in + o / group * channels;
                int32_t sum = layer->bias[o];
                for (int32_t i = 0; i < w->kernel_height; i++, weights += row_weights) {
                    int32_t from = y * w->stride_y - w->pad_top + i * w->dilation_y;
                    if (from < 0 || from >= w->in_height) sum += layer->input_zero * total(weights, row_weights);
                    else sum += row(layer, weights, first + from * row_bytes, inside);
                }
                *out++ = hwc_clamped(hwc_rescale(sum, layer->multipliers[o], layer->shift), layer->range);
            }
        }
    }
}
