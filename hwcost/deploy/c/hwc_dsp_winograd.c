#include "hwc_dsp_winograd.h"

enum { SIDE = 4, PLACES = 16, AT_ONCE = 8 };

/* A rescaled output: the sum is four times the convolution's. */
static inline int8_t rescaled(int32_t sum, int32_t multiplier, int32_t zero) {
    int32_t high;
    __asm__("smmla %0, %1, %2, %3" : "=r"(high) : "r"(sum), "r"(multiplier), "r"(zero));
    __asm__("ssat %0, #8, %1, asr #2" : "=r"(high) : "r"(high));
    return (int8_t)high;
}

/* 2 x 2 outputs of one channel: A' m A, rescaled. */
static inline void put(const int32_t *sums, int32_t bias, int32_t multiplier, int32_t zero, int8_t *out, int32_t right, int32_t down) {
    int32_t upper[SIDE], lower[SIDE];
#pragma GCC unroll 4
    for (int32_t x = 0; x < SIDE; x++) {
        const int32_t *m = sums + x * AT_ONCE;
        int32_t a = m[0], b = m[SIDE * AT_ONCE], c = m[2 * SIDE * AT_ONCE], d = m[3 * SIDE * AT_ONCE];
        if (x == 1) b += bias;
        upper[x] = a + b + c;
        lower[x] = b - c - d;
    }
    out[0] = rescaled(upper[0] + upper[1] + upper[2], multiplier, zero);
    out[right] = rescaled(upper[1] - upper[2] - upper[3], multiplier, zero);
    out += down;
    out[0] = rescaled(lower[0] + lower[1] + lower[2], multiplier, zero);
    out[right] = rescaled(lower[1] - lower[2] - lower[3], multiplier, zero);
}

/* Two tiles, 2 x 4 outputs of all channels. */
static inline void put_tiles(const struct hwc_dsp_winograd *layer, const uint32_t *tiles, int32_t *sums, int8_t *out) {
    int32_t right = layer->out_channels, down = layer->out_width * right, zero = layer->zero;
    const uint32_t *weights = layer->weights;
    for (int32_t group = right; group; group -= 4) {
        layer->products(tiles, weights, sums);
        weights += PLACES * 2 * layer->in_channels;
        for (int32_t channel = 0; channel < 4; channel++, weights += 2, out++) {
            int32_t bias = (int32_t)weights[0], multiplier = (int32_t)weights[1];
            put(sums + 2 * channel, bias, multiplier, zero, out, right, down);
            put(sums + 2 * channel + 1, bias, multiplier, zero, out + 2 * right, right, down);
        }
    }
}

/* Row y of the padded image, as words of four channels. */
static inline void fill_row(const struct hwc_dsp_winograd *layer, uint32_t *to, const int8_t *in, int32_t y) {
    int32_t words = layer->in_channels / 4, begin = 0, end = (layer->out_width + 2) * words, width = layer->in_width * words;
    if ((uint32_t)y < (uint32_t)layer->in_height) {
        for (int32_t left = layer->pad_left * words; begin < left; begin++) to[begin] = layer->fill;
        hwc_copy_bytes(to + begin, in + y * width * 4, (uint32_t)width * 4);
        begin += width;
    }
    for (; begin < end; begin++) to[begin] = layer->fill;
}

/* Four padded rows at a time give two rows of outputs, two tiles beside each other at a time. */
void hwc_dsp_winograd(const struct hwc_dsp_winograd *layer, const int8_t *in, int8_t *out, void *scratch) {
    int32_t column = layer->in_channels / 4, row = (layer->out_width + 2) * column;
    uint32_t *rows = scratch, *tiles = rows + SIDE * row;
    int32_t *sums = (int32_t *)(tiles + PLACES * 4 * column);
    for (int32_t y = 0; y < layer->out_height; y += 2) {
        for (int32_t i = 0; i < SIDE; i++) fill_row(layer, rows + i * row, in, y + i - layer->pad_top);
        for (int32_t x = 0; x < layer->out_width; x += 4, out += 4 * layer->out_channels) {
            layer->transform(rows + x * column, tiles);
            layer->transform(rows + (x + 2) * column, tiles + 1);
            put_tiles(layer, tiles, sums, out);
        }
        out += layer->out_width * layer->out_channels;
    }
}
