#include "hwc.h"

/* Inputs side by side: each row of the output takes a row of every input, through its table where it has one. */
void hwc_concat(const struct hwc_concat *layer, const int8_t *const *inputs, int8_t *out, void *scratch) {
    (void)scratch;
    for (int32_t r = 0; r < layer->rows; r++) {
        for (int32_t p = 0; p < layer->count; p++) {
            const int8_t *table = layer->table_at[p] < 0 ? 0 : layer->tables + layer->table_at[p] + 128;
            const int8_t *in = inputs[p] + r * layer->bytes[p];
            if (!table) hwc_copy_bytes(out, in, (uint32_t)layer->bytes[p]);
            HWC_AS_WRITTEN
            for (int32_t i = 0; table && i < layer->bytes[p]; i++) out[i] = table[in[i]];
            out += layer->bytes[p];
        }
    }
}
