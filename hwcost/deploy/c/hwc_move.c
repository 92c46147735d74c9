#include "hwc.h"

#define MOST_AXES 6

/* Where the elements of a row along the last axis are counted from, by the row's place; -1 where an entry of its tables is negative. */
static int32_t row_base(const struct hwc_move *layer, const int32_t *place) {
    const int32_t *table = layer->tables;
    int32_t from = layer->base;
    HWC_AS_WRITTEN
    for (int32_t axis = 0; axis < layer->axes - 1; axis++) {
        int32_t offset = table[place[axis]];
        if (offset < 0) return -1;
        from += offset;
        table += layer->sizes[axis];
    }
    return from;
}

/* The next row in memory order; 0 after the last. */
static int32_t next_row(const struct hwc_move *layer, int32_t *place) {
    HWC_AS_WRITTEN
    for (int32_t axis = layer->axes - 2; axis >= 0; axis--) {
        if (++place[axis] < layer->sizes[axis]) return 1;
        place[axis] = 0;
    }
    return 0;
}

/* The table of the last axis. */
static const int32_t *last_table(const struct hwc_move *layer) {
    const int32_t *table = layer->tables;
    HWC_AS_WRITTEN
    for (int32_t axis = 0; axis < layer->axes - 1; axis++) table += layer->sizes[axis];
    return table;
}

/* Transpose, slice, pad, repeat or gather bytes by tables. */
void hwc_move(const struct hwc_move *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    int32_t place[MOST_AXES] = {0}, count = layer->sizes[layer->axes - 1];
    const int32_t *table = last_table(layer);
    const int8_t fill = (int8_t)layer->fill;
    do {
        int32_t base = row_base(layer, place);
        HWC_AS_WRITTEN
        for (int32_t i = 0; i < count; i++) *out++ = base < 0 || table[i] < 0 ? fill : in[base + table[i]];
    } while (next_row(layer, place));
}

/* The same for elements of four bytes. */
void hwc_move_words(const struct hwc_move *layer, const int32_t *in, int32_t *out, void *scratch) {
    (void)scratch;
    int32_t place[MOST_AXES] = {0}, count = layer->sizes[layer->axes - 1];
    const int32_t *table = last_table(layer);
    do {
        int32_t base = row_base(layer, place);
        HWC_AS_WRITTEN
        for (int32_t i = 0; i < count; i++) *out++ = base < 0 || table[i] < 0 ? layer->fill : in[base + table[i]];
    } while (next_row(layer, place));
}
