#include "hwc.h"

/* `count` values through one table, whose entry for 0 is at `table`; four are read before they may be written over. */
static inline void look_up(const int8_t *table, const int8_t *in, int8_t *out, int32_t count) {
    HWC_AS_WRITTEN
    for (; count >= 4; count -= 4, in += 4, out += 4) {
        int8_t a = table[in[0]], b = table[in[1]], c = table[in[2]], d = table[in[3]];
        out[0] = a;
        out[1] = b;
        out[2] = c;
        out[3] = d;
    }
    HWC_AS_WRITTEN
    while (count-- > 0) *out++ = table[*in++];
}

/* Any function of one value, from a table of 256 for all channels or one for each. */
void hwc_lookup(const struct hwc_lookup *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const int8_t *tables = layer->table + 128;
    if (layer->table_step == 0) {
        look_up(tables, in, out, layer->places * layer->channels);
        return;
    }
    for (int32_t p = 0; p < layer->places; p++) {
        const int8_t *table = tables;
        HWC_AS_WRITTEN
        for (int32_t c = 0; c < layer->channels; c++, table += layer->table_step) *out++ = table[*in++];
    }
}
