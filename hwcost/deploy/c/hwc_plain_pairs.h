/* Convolutions on cores that multiply 32 bits by 32: two output channels in one word, so that one multiplication makes two products. */
#ifndef HWC_PLAIN_PAIRS_H
#define HWC_PLAIN_PAIRS_H

#include "hwc.h"

/* Weights as in struct hwc_conv, one group. `spans` holds, for each four output channels, how many products may be summed in one half
 * of a word before they are added up: 2 or 4. Rescaling is by 32 bits. */
struct hwc_plain_pairs {
    struct hwc_window window;
    int32_t in_channels, out_channels;
    const int8_t *weights;
    const int32_t *bias, *multipliers;
    const uint8_t *spans;
    int16_t input_zero;
    struct hwc_clamp range;
};
void hwc_plain_pairs(const struct hwc_plain_pairs *layer, const int8_t *in, int8_t *out, void *scratch);

/* Adds to four sums a run of inputs times widened weights: words of channels (0, 1) and (2, 3), input by input. */
void hwc_plain_pairs_run(int32_t *sums, const int32_t *words, const int8_t *in, int32_t count, int32_t most);

#endif
