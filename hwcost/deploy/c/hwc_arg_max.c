#include "hwc.h"

/* Index of the first largest or smallest value along one axis. */
void hwc_arg_max(const struct hwc_arg_max *layer, const int8_t *in, int32_t *out, void *scratch) {
    (void)scratch;
    for (int32_t i = 0; i < layer->before; i++, in += layer->length * layer->after) {
        for (int32_t j = 0; j < layer->after; j++) {
            int32_t best = 0;
            for (int32_t k = 1; k < layer->length; k++) {
                int32_t value = in[k * layer->after + j], held = in[best * layer->after + j];
                if (layer->largest ? value > held : value < held) best = k;
            }
            *out++ = best;
        }
    }
}
