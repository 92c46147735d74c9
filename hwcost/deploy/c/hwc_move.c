#include "hwc.h"

#define MOST_AXES 6

/* Where an element comes from, by its place in the output; -1 where an entry of its tables is negative. */
static int32_t source(const struct hwc_move *layer, const int32_t *place) {
    const int32_t *table = layer->tables;
    int32_t from = layer->base;
    for (int32_t axis = 0; axis < layer->axes; axis++) {
        int32_t offset = table[place[axis]];
        if (offset < 0) return -1;
        from += offset;
        table += layer->sizes[axis];
    }
    return from;
}

/* The next place in memory order; 0 after the last. */
static int32_t next(const struct hwc_move *layer, int32_t *place) {
    for (int32_t axis = layer->axes - 1; axis >= 0; axis--) {
        if (++place[axis] < layer->sizes[axis]) return 1;
        place[axis] = 0;
    }
    return 0;
}

/* Transpose, slice, pad, repeat or gather bytes by tables. */
void hwc_move(const struct hwc_move *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    int32_t place[MOST_AXES] = {0};
    do {
        int32_t from = source(layer, place);
        *out++ = from < 0 ? (int8_t)layer->fill : in[from];
    } while (next(layer, place));
}

/* The same for elements of four bytes. */
void hwc_move_words(const struct hwc_move *layer, const int32_t *in, int32_t *out, void *scratch) {
    (void)scratch;
    int32_t place[MOST_AXES] = {0};
    do {
        int32_t from = source(layer, place);
        *out++ = from < 0 ? layer->fill : in[from];
    } while (next(layer, place));
}
