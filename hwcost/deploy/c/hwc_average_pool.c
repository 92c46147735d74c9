#include "hwc_cells.h"

enum { AT_ONCE = 4 };

/* What a place's sums are multiplied by, and what is taken from them first: the zero point of every cell. */
struct hwc_mean {
    int32_t multiplier, zeros;
};

/* The mean of one sum, as it is stored. */
static inline int8_t stored(const struct hwc_average_pool *layer, struct hwc_mean mean, int32_t sum) {
    return hwc_clamped(hwc_rescale(sum - mean.zeros, mean.multiplier, layer->shift), layer->range);
}

/* Four channels over the cells. */
static inline void means_of_four(const struct hwc_average_pool *layer, const struct hwc_cells *cells, const int8_t *row, struct hwc_mean mean,
                                 int8_t *out) {
    int32_t sums[AT_ONCE] = {0, 0, 0, 0};
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < cells->rows; i++, row += cells->row_step) {
        const int8_t *cell = row;
        HWC_AS_WRITTEN
        for (int32_t left = cells->columns; left > 0; left--, cell += cells->column_step) {
            sums[0] += cell[0];
            sums[1] += cell[1];
            sums[2] += cell[2];
            sums[3] += cell[3];
        }
    }
    HWC_AS_WRITTEN
    for (int32_t c = 0; c < AT_ONCE; c++) out[c] = stored(layer, mean, sums[c]);
}

/* One channel over the cells. */
static inline int8_t mean_of_one(const struct hwc_average_pool *layer, const struct hwc_cells *cells, const int8_t *row, struct hwc_mean mean) {
    int32_t sum = 0;
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < cells->rows; i++, row += cells->row_step) {
        HWC_AS_WRITTEN
        for (int32_t j = 0; j < cells->columns; j++) sum += row[j * cells->column_step];
    }
    return stored(layer, mean, sum);
}

/* All channels of one place; the last four begin earlier where channels are no multiple of four, and are computed again. */
static __attribute__((noinline)) void hwc_average_pool_place(const struct hwc_average_pool *layer, const struct hwc_cells *cells,
                                                             struct hwc_mean mean, int8_t *out) {
    int32_t left = layer->channels;
    const int8_t *row = cells->first;
    if (left < AT_ONCE) {
        HWC_AS_WRITTEN
        for (; left > 0; left--) *out++ = mean_of_one(layer, cells, row++, mean);
        return;
    }
    while (left > 0) {
        int32_t back = left < AT_ONCE ? AT_ONCE - left : 0;
        means_of_four(layer, cells, row - back, mean, out - back);
        row += AT_ONCE;
        out += AT_ONCE;
        left -= AT_ONCE;
    }
}

/* Average pooling; a window that lies outside the image altogether holds the output's zero point. */
void hwc_average_pool(const struct hwc_average_pool *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    const struct hwc_window *w = &layer->window;
    for (int32_t y = 0; y < w->out_height; y++) {
        for (int32_t x = 0; x < w->out_width; x++, out += layer->channels) {
            int32_t top = y * w->stride_y - w->pad_top, left = x * w->stride_x - w->pad_left;
            const struct hwc_cells cells = hwc_cells_inside(w, in, layer->channels, top, left);
            int32_t inside = cells.rows * cells.columns, counted = layer->count_padding ? w->kernel_height * w->kernel_width : inside;
            const struct hwc_mean mean = {counted ? layer->multipliers[counted - 1] : 0, inside * layer->input_zero};
            hwc_average_pool_place(layer, &cells, mean, out);
        }
    }
}
