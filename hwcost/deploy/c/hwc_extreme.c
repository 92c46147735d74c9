#include "hwc_pairs.h"

static inline int8_t larger(const void *numbers, int32_t x, int32_t y) {
    (void)numbers;
    return (int8_t)(x > y ? x : y);
}

static inline int8_t smaller(const void *numbers, int32_t x, int32_t y) {
    (void)numbers;
    return (int8_t)(x < y ? x : y);
}

static void hwc_extreme_larger(const void *numbers, struct hwc_pair_row row) {
    hwc_each_pair(larger, numbers, row);
}

static void hwc_extreme_smaller(const void *numbers, struct hwc_pair_row row) {
    hwc_each_pair(smaller, numbers, row);
}

/* The larger or smaller of two tensors on one scale, element by element. */
void hwc_extreme(const struct hwc_extreme *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    hwc_each_row(&layer->pairs, left, right, out, layer->largest ? hwc_extreme_larger : hwc_extreme_smaller, 0);
}
