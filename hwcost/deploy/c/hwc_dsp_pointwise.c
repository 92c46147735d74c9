#include "hwc_dsp_tile.h"

/* The last channels of a place, fewer than four, as a word; zeros behind them. */
static inline uint32_t last_word(const int8_t *in, int32_t count) {
    uint32_t word = (uint8_t)in[0];
    if (count > 1) word |= (uint32_t)(uint8_t)in[1] << 8;
    if (count > 2) word |= (uint32_t)(uint8_t)in[2] << 16;
    return word;
}

/* Four channels of one place widened. */
static inline uint32_t *put_one(uint32_t *to, uint32_t word) {
    to[0] = hwc_dsp_even(word);
    to[1] = hwc_dsp_odd(word);
    return to + 2;
}

/* Four channels of two places widened, the places' pairs side by side. */
static inline uint32_t *put_two(uint32_t *to, uint32_t first, uint32_t second) {
    to[0] = hwc_dsp_even(first);
    to[1] = hwc_dsp_even(second);
    to[2] = hwc_dsp_odd(first);
    to[3] = hwc_dsp_odd(second);
    return to + 4;
}

/* The channels of one place widened to int16. */
static inline void widen_one(uint32_t *to, const int8_t *in, int32_t channels) {
    for (; channels >= 4; channels -= 4, in += 4) to = put_one(to, hwc_dsp_load(in));
    if (channels) put_one(to, last_word(in, channels));
}

/* The channels of two places widened to int16. */
static inline void widen_two(uint32_t *to, const int8_t *in, int32_t step, int32_t channels) {
    const int8_t *second = in + step;
    for (; channels >= 8; channels -= 8, in += 8, second += 8) {
        uint32_t a = hwc_dsp_load(in), b = hwc_dsp_load(second), c = hwc_dsp_load(in + 4), d = hwc_dsp_load(second + 4);
        to = put_two(put_two(to, a, b), c, d);
    }
    if (channels >= 4) {
        to = put_two(to, hwc_dsp_load(in), hwc_dsp_load(second));
        channels -= 4, in += 4, second += 4;
    }
    if (channels) put_two(to, last_word(in, channels), last_word(second, channels));
}

/* Each place's channels times the weights; two places at a time, the last of an odd row alone. */
void hwc_dsp_pointwise(const struct hwc_dsp_pointwise *layer, const int8_t *in, int8_t *out, void *scratch) {
    int32_t step = layer->column_step, channels = layer->channels.channels;
    for (int32_t row = 0; row < layer->rows; row++, in += layer->row_step) {
        const int8_t *from = in;
        for (int32_t n = layer->columns >> 1; n; n--, from += 2 * step, out += 2 * channels) {
            widen_two(scratch, from, step, layer->in_channels);
            hwc_dsp_place(&layer->channels, layer->two, 2, scratch, out);
        }
        if (layer->columns & 1) {
            widen_one(scratch, from, layer->in_channels);
            hwc_dsp_place(&layer->channels, layer->one, 1, scratch, out);
            out += channels;
        }
    }
}
