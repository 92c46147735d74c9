/* The loops of windows over widened rows, around a function that widens a row. */
#ifndef HWC_DSP_ROWS_H
#define HWC_DSP_ROWS_H

#include "hwc_dsp_tile.h"

typedef void hwc_dsp_widen(const struct hwc_dsp_window *layer, int16_t *to, const int8_t *in);

/* Row y of the padded image; rows outside the input hold its zero point. */
static inline void hwc_dsp_fill(const struct hwc_dsp_window *layer, int16_t *to, const int8_t *in, int32_t y, hwc_dsp_widen *widen) {
    int32_t begin = 0;
    if ((uint32_t)y < (uint32_t)layer->in_height) {
        for (int32_t i = 0; i < layer->pad_elements; i++) to[i] = (int16_t)layer->input_zero;
        begin = layer->pad_elements + layer->in_elements;
        widen(layer, to + layer->pad_elements, in + y * layer->in_elements);
    }
    for (int32_t i = begin; i < layer->row_elements; i++) to[i] = (int16_t)layer->input_zero;
}

/* Rows that the next window still needs, moved to the front; rows are whole words. */
static inline void hwc_dsp_move(int16_t *to, const int16_t *from, int32_t elements) {
    uint32_t *words = (uint32_t *)to;
    const uint32_t *old = (const uint32_t *)from;
    for (; elements >= 8; elements -= 8, words += 4, old += 4) {
        uint32_t a = old[0], b = old[1], c = old[2], d = old[3];
        words[0] = a, words[1] = b, words[2] = c, words[3] = d;
    }
    for (; elements > 0; elements -= 2) *words++ = *old++;
}

/* The outputs of one row, from the widened rows of its window. */
static inline int8_t *hwc_dsp_row(const struct hwc_dsp_window *layer, const int16_t *activations, int8_t *out) {
    for (int32_t n = layer->out_width >> 1; n; n--) {
        hwc_dsp_place(&layer->channels, layer->two, 2, activations, out);
        activations += 2 * layer->column_elements;
        out += 2 * layer->channels.channels;
    }
    if (layer->out_width & 1) {
        hwc_dsp_place(&layer->channels, layer->one, 1, activations, out);
        out += layer->channels.channels;
    }
    return out;
}

/* Output rows in order. Each input row is widened once; when scratch is full, the rows still needed move to its front. */
static inline void hwc_dsp_rows(const struct hwc_dsp_window *layer, const int8_t *in, int8_t *out, int16_t *rows, hwc_dsp_widen *widen) {
    int32_t pitch = layer->row_elements, height = layer->kernel_height, first = 0, filled = 0, y = -layer->pad_top;
    for (int32_t n = layer->out_height; n; n--) {
        if (first + height > layer->held_rows) {
            int32_t kept = filled > first ? filled - first : 0;
            hwc_dsp_move(rows, rows + first * pitch, kept * pitch);
            y += first, filled = kept, first = 0;
        }
        for (; filled < first + height; filled++) hwc_dsp_fill(layer, rows + filled * pitch, in, y + filled, widen);
        out = hwc_dsp_row(layer, rows + first * pitch, out);
        first += layer->stride_y;
    }
}

#endif
