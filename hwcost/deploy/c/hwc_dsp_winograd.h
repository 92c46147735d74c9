/* Windows of 3 x 3 at stride 1 by Winograd's minimal filtering F(2 x 2, 3 x 3), exact in integers, on cores with SMLAD. */
#ifndef HWC_DSP_WINOGRAD_H
#define HWC_DSP_WINOGRAD_H

#include "hwc.h"

/* Generated: sums[16][4 channels][2 tiles] = products of the transformed weights of four channels with two transformed tiles. */
typedef void hwc_dsp_winograd_products(const void *tiles, const void *weights, int32_t *sums);

/* Generated: 4 x 4 places of all channels of padded rows, transformed to int16; words of two tiles take turns. */
typedef void hwc_dsp_winograd_transform(const void *rows, void *tile);

/* `fill` is the input's zero point four times; `zero` is 2 + 4 * the output's, as the last two bits of a sum are shifted out. */
struct hwc_dsp_winograd {
    const uint32_t *weights;
    hwc_dsp_winograd_transform *transform;
    hwc_dsp_winograd_products *products;
    int32_t in_height, in_width, in_channels, out_height, out_width, out_channels, pad_top, pad_left, zero;
    uint32_t fill;
};
void hwc_dsp_winograd(const struct hwc_dsp_winograd *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
