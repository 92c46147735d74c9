#include <arm_acle.h>

#include "hwc_dsp_depthwise.h"

enum { WORDS_A_COLUMN = 8 };

/* Four channels of one place; rows of channels that are no multiple of four are not aligned. */
static inline uint32_t load(const int8_t *from) {
    uint32_t word;
    hwc_copy_bytes(&word, from, sizeof word);
    return word;
}

/* One pair of int16 where the two slots want it. */
static inline void store(uint32_t *lower, uint32_t *upper, int32_t channel, uint32_t pair) {
    upper[2 * channel + 1] = pair;
    lower[2 * channel] = pair;
}

/* Rows `row` and `row + 1`, four channels from `in`, as int16 pairs (upper row in the low half): the rows (0, 1) of slot `lower` and the
 * rows (2, 3) of slot `upper`. Rows outside the image hold the zero point. */
void hwc_dsp_depthwise_pair(const struct hwc_dsp_depthwise *layer, const int8_t *in, int32_t row, uint32_t *lower, uint32_t *upper) {
    int32_t step = layer->channels, below_step = step;
    int32_t count = layer->columns - layer->pad_left;
    const int8_t *above = in + row * layer->in_width * step, *below = above + layer->in_width * step;
    if (count > layer->in_width) count = layer->in_width;
    int32_t above_step = step;
    if ((uint32_t)row >= (uint32_t)layer->in_height) {
        above = (const int8_t *)&layer->fill;
        above_step = 0;
    }
    if ((uint32_t)(row + 1) >= (uint32_t)layer->in_height) {
        below = (const int8_t *)&layer->fill;
        below_step = 0;
    }
    lower += layer->pad_left * WORDS_A_COLUMN;
    upper += layer->pad_left * WORDS_A_COLUMN;
#pragma clang loop unroll(disable)
    for (; count > 0; count--) {
        uint32_t a = load(above), b = load(below);
        uint32_t even = (a & 0xffff) | b << 16, odd = (b & 0xffff0000) | a >> 16;
        above += above_step;
        below += below_step;
        store(lower, upper, 0, __sxtb16(even));
        store(lower, upper, 1, __sxtb16(__ror(even, 8)));
        store(lower, upper, 2, __sxtb16(odd));
        store(lower, upper, 3, __sxtb16(__ror(odd, 8)));
        lower += WORDS_A_COLUMN;
        upper += WORDS_A_COLUMN;
    }
}
