/* Convolutions of cores with SMLAD: C drivers that widen activations to int16, around a generated tile that multiplies. */
#ifndef HWC_DSP_TILE_H
#define HWC_DSP_TILE_H

#include "hwc.h"

/* What a tile reads: bytes from the outputs of one place to those of the next, channels to compute, the zero point added to each. */
struct hwc_dsp_outputs {
    int32_t pitch, channels, zero;
};

/* A generated tile: all channels of `outputs` of one place or two. */
typedef void hwc_dsp_tile(const void *activations, const void *weights, int8_t *out, const struct hwc_dsp_outputs *outputs);

/* The channels of a layer: whole groups are stored by the tile, the rest (fewer than a group) goes through a buffer. The tile
 * holds outputs to int8; `low` and `high` may be narrower. `has_rest` says whether either leaves work behind the tile. */
struct hwc_dsp_channels {
    struct hwc_dsp_outputs outputs, rest;
    const uint32_t *weights, *rest_weights;
    int32_t channels, rest_channels;
    int32_t has_rest;
    int8_t low, high;
};

/* One place after another, nothing around them: windows of 1 x 1, dense layers. Steps are bytes between input rows and places. */
struct hwc_dsp_pointwise {
    struct hwc_dsp_channels channels;
    hwc_dsp_tile *two, *one;
    int32_t rows, columns, row_step, column_step, in_channels;
};
void hwc_dsp_pointwise(const struct hwc_dsp_pointwise *layer, const int8_t *in, int8_t *out, void *scratch);

/* Windows over rows that are widened and padded once. `held_rows` of them fit scratch, each of `row_elements` int16. */
struct hwc_dsp_window {
    struct hwc_dsp_channels channels;
    hwc_dsp_tile *two, *one;
    int32_t in_height, out_height, out_width, kernel_height, stride_y, pad_top;
    int32_t held_rows, row_elements, pad_elements, in_elements, column_elements, input_zero;
};
void hwc_dsp_window(const struct hwc_dsp_window *layer, const int8_t *in, int8_t *out, void *scratch);

/* The same where the input's channels are no multiple of four: rows stay in their natural order. */
void hwc_dsp_window_natural(const struct hwc_dsp_window *layer, const int8_t *in, int8_t *out, void *scratch);

/* A word of four int8, from any address. */
static inline uint32_t hwc_dsp_load(const void *from) {
    uint32_t word;
    hwc_copy_bytes(&word, from, 4);
    return word;
}

/* Bytes 0 and 2 of a word as two int16. */
static inline uint32_t hwc_dsp_even(uint32_t word) {
    uint32_t halves;
    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    return halves;
}

/* Bytes 1 and 3 of a word as two int16. */
static inline uint32_t hwc_dsp_odd(uint32_t word) {
    uint32_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    return halves;
}

/* What the tile leaves: channels that are no whole group, and limits narrower than int8. */
void hwc_dsp_rest(const struct hwc_dsp_channels *layer, hwc_dsp_tile *tile, int32_t places, const void *activations, int8_t *out);

/* All channels of one place or two. */
static inline void hwc_dsp_place(const struct hwc_dsp_channels *layer, hwc_dsp_tile *tile, int32_t places, const void *activations, int8_t *out) {
    if (layer->outputs.channels) tile(activations, layer->weights, out, &layer->outputs);
    if (layer->has_rest) hwc_dsp_rest(layer, tile, places, activations, out);
}

#endif
