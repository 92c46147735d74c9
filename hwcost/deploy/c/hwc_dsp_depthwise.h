/* Depthwise 3x3 layers on cores with SMLAD: the image as vertical pairs of int16, outputs by generated strips. */
#ifndef HWC_DSP_DEPTHWISE_H
#define HWC_DSP_DEPTHWISE_H

#include "hwc.h"

/* Computes one strip of outputs (one row or two) of up to four channels: sums, rescaling by the high word, zero point, saturation.
 * `pairs` is a slot of the ring, `weights` five words a channel: bias, multiplier, and for each column the bytes w0, w1, w1, w2. */
typedef void hwc_dsp_depthwise_strip(const uint32_t *pairs, int8_t *out, const uint32_t *weights, int32_t zero, int32_t channels);

/* `strip` computes the usual strips of `strip_rows` rows of outputs, `last_strip` the row that may be left over.
 * `columns` is the width of the padded image that outputs read; `fill` is the input's zero point in each of four bytes. */
struct hwc_dsp_depthwise {
    int16_t in_height, in_width, out_height, out_width, channels, columns;
    int8_t pad_top, pad_left, strip_rows, zero;
    uint32_t fill;
    const uint32_t *weights;
    hwc_dsp_depthwise_strip *strip, *last_strip;
};
void hwc_dsp_depthwise(const struct hwc_dsp_depthwise *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
