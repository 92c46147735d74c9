/* Depthwise layers on any core, without a test in the inner loop. */
#ifndef HWC_PLAIN_DEPTHWISE_H
#define HWC_PLAIN_DEPTHWISE_H

#include "hwc.h"

/* One window a channel, weights [channels][kernel_height][kernel_width]. Rescaling is by 32 bits. */
struct hwc_plain_depthwise {
    struct hwc_window window;
    int32_t channels;
    const int8_t *weights;
    const int32_t *bias, *multipliers;
    int16_t input_zero;
    struct hwc_clamp range;
};
void hwc_plain_depthwise(const struct hwc_plain_depthwise *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
