#include "hwc_cells.h"

enum { AT_ONCE = 4 };

#if defined(__ARM_FEATURE_SIMD32)

/* The largest of each of four channels over the cells, -128 without any. SSUB8 leaves to SEL what compilers do not see: one block. */
static inline void largest_of_four(const struct hwc_cells *cells, const int8_t *row, int8_t *out) {
    uint32_t largest = 0x80808080;
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < cells->rows; i++, row += cells->row_step) {
        const int8_t *cell = row;
        HWC_AS_WRITTEN
        for (int32_t left = cells->columns; left > 0; left--, cell += cells->column_step) {
            uint32_t word, differences;
            hwc_copy_bytes(&word, cell, sizeof word);
            __asm__("ssub8 %1, %0, %2\n\tsel %0, %0, %2" : "+r"(largest), "=&r"(differences) : "r"(word) : "cc");
        }
    }
    hwc_copy_bytes(out, &largest, sizeof largest);
}

#else

static inline int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* The largest of each of four channels over the cells, -128 without any. */
static inline void largest_of_four(const struct hwc_cells *cells, const int8_t *row, int8_t *out) {
    int32_t a = -128, b = -128, c = -128, d = -128;
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < cells->rows; i++, row += cells->row_step) {
        const int8_t *cell = row;
        HWC_AS_WRITTEN
        for (int32_t left = cells->columns; left > 0; left--, cell += cells->column_step) {
            a = larger(a, cell[0]);
            b = larger(b, cell[1]);
            c = larger(c, cell[2]);
            d = larger(d, cell[3]);
        }
    }
    out[0] = (int8_t)a;
    out[1] = (int8_t)b;
    out[2] = (int8_t)c;
    out[3] = (int8_t)d;
}

#endif

/* The largest of one channel over the cells, -128 without any. */
static int8_t largest_of_one(const struct hwc_cells *cells, const int8_t *row) {
    int8_t largest = -128;
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < cells->rows; i++, row += cells->row_step) {
        HWC_AS_WRITTEN
        for (int32_t j = 0; j < cells->columns; j++) {
            int8_t value = row[j * cells->column_step];
            if (value > largest) largest = value;
        }
    }
    return largest;
}

/* All channels of one place; the last four begin earlier where channels are no multiple of four, and are computed again. */
static __attribute__((noinline)) void hwc_max_pool_place(const struct hwc_cells *cells, int32_t channels, int8_t *out) {
    const int8_t *row = cells->first;
    if (channels < AT_ONCE) {
        HWC_AS_WRITTEN
        for (; channels > 0; channels--) *out++ = largest_of_one(cells, row++);
        return;
    }
    while (channels > 0) {
        int32_t back = channels < AT_ONCE ? AT_ONCE - channels : 0;
        largest_of_four(cells, row - back, out - back);
        row += AT_ONCE;
        out += AT_ONCE;
        channels -= AT_ONCE;
    }
}

/* Max pooling. */
void hwc_max_pool(const struct hwc_max_pool *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    const struct hwc_clamp range = {0, layer->range.low, layer->range.high};
    int is_clamped = range.low > -128 || range.high < 127;
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++, out += layer->channels) {
            int32_t top = y * w->stride_y - w->pad_top, left = x * w->stride_x - w->pad_left;
            const struct hwc_cells cells = hwc_cells_inside(w, in, layer->channels, top, left);
            hwc_max_pool_place(&cells, layer->channels, out);
            HWC_AS_WRITTEN
            for (int32_t c = 0; is_clamped && c < layer->channels; c++) out[c] = hwc_clamped(out[c], range);
        }
    }
}
