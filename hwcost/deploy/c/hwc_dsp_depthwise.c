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

/* Depthwise 3x3, stride 1 or 2, by groups of four channels. A slot of the ring holds rows (0, 1) and (2, 3) of a strip's windows; the
 * rows (2, 3) are the next strip's (0, 1), so each pair is widened once and stored in both. Every row is read before it may be written:
 * in and out may be the same memory where they have the same shape. The last group of channels that are no multiple of four begins
 * earlier and skips what is done. */
void hwc_dsp_depthwise(const struct hwc_dsp_depthwise *layer, const int8_t *in, int8_t *out, void *scratch) {
    int32_t channels = layer->channels, out_row = layer->out_width * channels;
    int32_t slot_words = layer->columns * WORDS_A_COLUMN;
    uint32_t *first = scratch, *second = first + slot_words;
    fill_sides(layer, first);
    fill_sides(layer, second);
    for (int32_t channel = 0; channel < channels; channel += AT_ONCE) {
        int32_t count = channels - channel < AT_ONCE ? channels - channel : AT_ONCE;
        int32_t skipped = AT_ONCE - count;
        const int8_t *from = in + channel - skipped;
        const uint32_t *weights = layer->weights + channel * WORDS_A_CHANNEL;
        int8_t *to = out + channel;
        uint32_t *now = first, *next = second;
        int32_t row = -layer->pad_top;
        hwc_dsp_depthwise_pair(layer, from, row, now, next);
        for (int32_t left = layer->out_height; left > 0; left -= layer->strip_rows) {
            row += 2;
            hwc_dsp_depthwise_pair(layer, from, row, next, now);
            hwc_dsp_depthwise_strip *strip = left < layer->strip_rows ? layer->last_strip : layer->strip;
            strip(now + 2 * skipped, to, weights, layer->zero, count);
            to += layer->strip_rows * out_row;
            uint32_t *was = now;
            now = next;
            next = was;
        }
    }
}
