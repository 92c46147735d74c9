#include "hwc_plain_pairs.h"
#include "hwc_plain_rescale.h"

enum { OUTPUTS = 4, WORDS = 2 };

/* Words w0 + w1 * 2^16 of channels (0, 1) and (2, 3), input by input; channels that are not there weigh nothing. */
static inline void widen(const int8_t *weights, int32_t count, int32_t channels, int32_t *words) {
    for (int32_t i = 0; i < count; i++) {
        int32_t w[OUTPUTS];
        for (int32_t channel = 0; channel < OUTPUTS; channel++) w[channel] = channel < channels ? weights[channel * count + i] : 0;
        words[WORDS * i] = w[0] + (int32_t)((uint32_t)w[1] << 16);
        words[WORDS * i + 1] = w[2] + (int32_t)((uint32_t)w[3] << 16);
    }
}

/* The sums of one place: whole rows of the window where it lies inside the image, else cell by cell, `outside` where there is none. */
static inline void window_sums(const struct hwc_plain_pairs *layer, const int8_t *in, int32_t y, int32_t x, const int32_t *words,
                               const int8_t *outside, int32_t most, int32_t *sums) {
    const struct hwc_window *w = &layer->window;
    int32_t channels = layer->in_channels;
    int is_run = w->dilation_x == 1 && x >= 0 && x + w->kernel_width <= w->in_width;
    int32_t cells = is_run ? 1 : w->kernel_width, length = is_run ? w->kernel_width * channels : channels;
    for (int32_t i = 0; i < w->kernel_height; i++, y += w->dilation_y) {
        for (int32_t j = 0, column = x; j < cells; j++, column += w->dilation_x) {
            int is_inside = (uint32_t)y < (uint32_t)w->in_height && (uint32_t)column < (uint32_t)w->in_width;
            if (is_run && !is_inside) {
                for (int32_t k = 0; k < w->kernel_width; k++) hwc_plain_pairs_run(sums, words + k * channels * WORDS, outside, channels, most);
            } else {
                hwc_plain_pairs_run(sums, words, is_inside ? in + (y * w->in_width + column) * channels : outside, length, most);
            }
            words += length * WORDS;
        }
    }
}

/* A convolution, four output channels at a time over the whole image: their weights are widened into the scratch once. */
void hwc_plain_pairs(const struct hwc_plain_pairs *layer, const int8_t *in, int8_t *out, void *scratch) {
    const struct hwc_window *w = &layer->window;
    int32_t count = w->kernel_height * w->kernel_width * layer->in_channels;
    int32_t *words = scratch;
    int8_t *outside = (int8_t *)(words + WORDS * count);
    hwc_fill_bytes(outside, (int8_t)layer->input_zero, (uint32_t)layer->in_channels);
    for (int32_t first = 0; first < layer->out_channels; first += OUTPUTS) {
        int32_t channels = layer->out_channels - first < OUTPUTS ? layer->out_channels - first : OUTPUTS;
        int32_t most = layer->spans[first / OUTPUTS];
        int8_t *to = out + first;
        widen(layer->weights + first * count, count, channels, words);
        for (int32_t y = 0; y < w->out_height; y++) {
            for (int32_t x = 0; x < w->out_width; x++, to += layer->out_channels) {
                int32_t sums[OUTPUTS] = {0, 0, 0, 0};
                window_sums(layer, in, y * w->stride_y - w->pad_top, x * w->stride_x - w->pad_left, words, outside, most, sums);
                for (int32_t channel = 0; channel < channels; channel++) {
                    int32_t sum = sums[channel] + layer->bias[first + channel];
                    to[channel] = hwc_clamped(hwc_plain_rescale(sum, layer->multipliers[first + channel]), layer->range);
                }
            }
        }
    }
}
