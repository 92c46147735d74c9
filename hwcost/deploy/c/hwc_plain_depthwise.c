#include "hwc_plain_depthwise.h"
#include "hwc_plain_rescale.h"

enum { COMMON_TAPS = 9 };

/* All channels of one place: places[tap] is where the tap's channels begin, inside the image or in a row of zero points. */
static inline __attribute__((always_inline)) void channels_of(
    const struct hwc_plain_depthwise *layer, const int8_t *const *places, int32_t taps, int8_t *out) {
    const int8_t *weights = layer->weights;
    for (int32_t c = 0; c < layer->channels; c++, weights += taps) {
        int32_t sum = layer->bias[c];
        for (int32_t tap = 0; tap < taps; tap++) sum += weights[tap] * places[tap][c];
        out[c] = hwc_clamped(hwc_plain_rescale(sum, layer->multipliers[c]), layer->range);
    }
}

/* Where each tap of the window at (y, x) begins. */
static inline void find_places(const struct hwc_plain_depthwise *layer, const int8_t *in, int32_t y, int32_t x, const int8_t *outside,
                               const int8_t **places) {
    const struct hwc_window *w = &layer->window;
    for (int32_t i = 0; i < w->kernel_height; i++, y += w->dilation_y) {
        int32_t column = x;
        for (int32_t j = 0; j < w->kernel_width; j++, column += w->dilation_x) {
            int is_inside = (uint32_t)y < (uint32_t)w->in_height && (uint32_t)column < (uint32_t)w->in_width;
            *places++ = is_inside ? in + (y * w->in_width + column) * layer->channels : outside;
        }
    }
}

/* Depthwise convolution with any window: the taps of a place are found once, then all its channels are summed. The scratch holds an
 * address for each tap, then a place of zero points. */
void hwc_plain_depthwise(const struct hwc_plain_depthwise *layer, const int8_t *in, int8_t *out, void *scratch) {
    const struct hwc_window *w = &layer->window;
    int32_t taps = w->kernel_height * w->kernel_width;
    const int8_t **places = scratch;
    int8_t *outside = (int8_t *)(places + taps);
    hwc_fill_bytes(outside, (int8_t)layer->input_zero, (uint32_t)layer->channels);
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++, out += layer->channels) {
            find_places(layer, in, y * w->stride_y - w->pad_top, x * w->stride_x - w->pad_left, outside, places);
            if (taps == COMMON_TAPS) channels_of(layer, places, COMMON_TAPS, out);
            else channels_of(layer, places, taps, out);
        }
    }
}
