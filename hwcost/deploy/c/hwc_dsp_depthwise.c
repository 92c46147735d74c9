#include <arm_acle.h>

#include "hwc_dsp_depthwise.h"

enum { AT_ONCE = 4, WORDS_A_COLUMN = 8, WORDS_A_CHANNEL = 5 };

/* The input's zero point in every place of the padded columns of one slot. */
static inline void fill_sides(const struct hwc_dsp_depthwise *layer, uint32_t *slot) {
    int32_t right = layer->pad_left + layer->in_width;
    uint32_t zero = (uint32_t)(int32_t)(int8_t)layer->fill;
    uint32_t pair = (zero & 0xffff) | zero << 16;
    for (int32_t column = 0; column < layer->columns; column++) {
        if (column >= layer->pad_left && column < right) continue;
        for (int32_t word = 0; word < WORDS_A_COLUMN; word++) slot[column * WORDS_A_COLUMN + word] = pair;
    }
}

/* Four channels of one place; rows of channels that are no multiple of four are not aligned. */
static inline uint32_t load(const int8_t *from) {
    uint32_t word;
    hwc_copy_bytes(&word, from, sizeof word);
    return word;
}

/* A word turned right by eight bits, in the C that compilers know as one instruction: not every gcc has __ror. */
static inline uint32_t turned(uint32_t word) {
    return word >> 8 | word << 24;
}

/* One place of two rows, widened: the rows (0, 1) of one slot and the rows (2, 3) of the other, upper row in the low half. */
static inline __attribute__((always_inline)) void widen(const int8_t *above, const int8_t *below, uint32_t *lower, uint32_t *upper) {
    uint32_t a = load(above), b = load(below);
    uint32_t even = (a & 0xffff) | b << 16, odd = (b & 0xffff0000) | a >> 16, pair;
    upper[1] = pair = __sxtb16(even);
    lower[0] = pair;
    upper[3] = pair = __sxtb16(turned(even));
    lower[2] = pair;
    upper[5] = pair = __sxtb16(odd);
    lower[4] = pair;
    upper[7] = pair = __sxtb16(turned(odd));
    lower[6] = pair;
}

/* `count` places of two rows (at least one), two at a time; a row outside the image stays at one word and steps by 0. */
static inline __attribute__((always_inline)) void widen_rows(const int8_t *above, int32_t above_step, const int8_t *below,
                                                              int32_t below_step, int32_t count, uint32_t *lower, uint32_t *upper) {
    if (count & 1) {
        widen(above, below, lower, upper);
        above += above_step;
        below += below_step;
        lower += WORDS_A_COLUMN;
        upper += WORDS_A_COLUMN;
    }
    uint32_t *end = lower + (count & ~1) * WORDS_A_COLUMN;
    HWC_AS_WRITTEN
    while (lower != end) {
        widen(above, below, lower, upper);
        above += above_step;
        below += below_step;
        widen(above, below, lower + WORDS_A_COLUMN, upper + WORDS_A_COLUMN);
        above += above_step;
        below += below_step;
        lower += 2 * WORDS_A_COLUMN;
        upper += 2 * WORDS_A_COLUMN;
    }
}

/* Depthwise 3x3, stride 1 or 2, by groups of four channels. A slot of the ring holds rows (0, 1) and (2, 3) of a strip's windows; the
 * rows (2, 3) are the next strip's (0, 1), so each pair is widened once and stored in both. Every row is read before it may be written:
 * in and out may be the same memory where they have the same shape. The last group of channels that are no multiple of four begins
 * earlier and skips what is done. */
void hwc_dsp_depthwise(const struct hwc_dsp_depthwise *layer, const int8_t *in, int8_t *out, void *scratch) {
    int32_t channels = layer->channels, in_row = layer->in_width * channels, strip_bytes = layer->strip_rows * layer->out_width * channels;
    int32_t slot_words = layer->columns * WORDS_A_COLUMN, height = layer->in_height, side = layer->pad_left * WORDS_A_COLUMN;
    int32_t count = layer->columns - layer->pad_left;
    uint32_t *now = scratch, *next = now + slot_words;
    if (count > layer->in_width) count = layer->in_width;
    fill_sides(layer, now);
    fill_sides(layer, next);
    for (int32_t channel = 0; channel < channels; channel += AT_ONCE) {
        int32_t some = channels - channel < AT_ONCE ? channels - channel : AT_ONCE;
        int32_t skipped = AT_ONCE - some;
        const int8_t *above = in + channel - skipped - layer->pad_top * in_row;
        int8_t *to = out + channel;
        int32_t row = -layer->pad_top, left = layer->out_height + layer->strip_rows;
        hwc_dsp_depthwise_strip *strip = layer->strip;
        for (;;) {
            int is_above = (uint32_t)row < (uint32_t)height, is_below = (uint32_t)(row + 1) < (uint32_t)height;
            const int8_t *outside = (const int8_t *)&layer->fill;
            widen_rows(is_above ? above : outside, is_above ? channels : 0, is_below ? above + in_row : outside, is_below ? channels : 0,
                       count, next + side, now + side);
            if (left <= layer->out_height) {
                if (left < layer->strip_rows) strip = layer->last_strip;
                strip(now + 2 * skipped, to, layer->weights + channel * WORDS_A_CHANNEL, layer->zero, some);
                to += strip_bytes;
            }
            left -= layer->strip_rows;
            uint32_t *was = now;
            now = next;
            next = was;
            if (left <= 0) break;
            row += 2;
            above += 2 * in_row;
        }
    }
}
