#include "hwc_dsp_tile.h"

/* Four int8 held between four others, each by itself. */
static inline uint32_t between(uint32_t values, uint32_t low, uint32_t high) {
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(values), "r"(low) : "cc");
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(values) : "r"(result), "r"(high) : "cc");
    return values;
}

/* Outputs held between two values. */
static inline void clamp(int8_t *out, int32_t count, int32_t low, int32_t high) {
    uint32_t lows = (uint8_t)low * 0x01010101u, highs = (uint8_t)high * 0x01010101u;
    for (; count >= 4; count -= 4, out += 4) {
        uint32_t word = between(hwc_dsp_load(out), lows, highs);
        hwc_copy_bytes(out, &word, 4);
    }
    for (; count; count--, out++) *out = (int8_t)(*out < low ? low : *out > high ? high : *out);
}

/* The last channels are computed as a whole group beside the output, and those that exist are copied; then all outputs are clamped. */
void hwc_dsp_rest(const struct hwc_dsp_channels *layer, hwc_dsp_tile *tile, int32_t places, const void *activations, int8_t *out) {
    if (layer->rest_channels) {
        int8_t rest[16];
        tile(activations, layer->rest_weights, rest, &layer->rest);
        for (int32_t place = 0; place < places; place++) {
            int8_t *to = out + place * layer->channels + layer->outputs.channels;
            for (int32_t i = 0; i < layer->rest_channels; i++) to[i] = rest[place * layer->rest.pitch + i];
        }
    }
    if (layer->low > INT8_MIN || layer->high < INT8_MAX) clamp(out, places * layer->channels, layer->low, layer->high);
}
