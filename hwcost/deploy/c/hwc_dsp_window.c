#include "hwc_dsp_rows.h"

/* A row of input widened to int16, each four channels in the order 0, 2, 1, 3. */
static inline void widen(const struct hwc_dsp_window *layer, int16_t *to, const int8_t *in) {
    uint32_t *words = (uint32_t *)to;
    int32_t elements = layer->in_elements;
    for (; elements >= 8; elements -= 8, in += 8, words += 4) {
        uint32_t first = hwc_dsp_load(in), second = hwc_dsp_load(in + 4);
        words[0] = hwc_dsp_even(first);
        words[1] = hwc_dsp_odd(first);
        words[2] = hwc_dsp_even(second);
        words[3] = hwc_dsp_odd(second);
    }
    if (elements) {
        uint32_t last = hwc_dsp_load(in);
        words[0] = hwc_dsp_even(last);
        words[1] = hwc_dsp_odd(last);
    }
}

/* A convolution whose input has a multiple of four channels. */
void hwc_dsp_window(const struct hwc_dsp_window *layer, const int8_t *in, int8_t *out, void *scratch) {
    hwc_dsp_rows(layer, in, out, scratch, widen);
}
