#include "hwc_plain_pairs.h"

/* A run of `count` inputs that lie side by side, times four channels, added to four sums. After `most` (2 or 4) products the two halves
 * of a word are added up, before either could leave its 16 bits. */
#if defined(__ARM_ARCH_6M__)

/* Below, r0 is the widened weights, r1 the inputs, r5 what is left to do, r8 to r11 the sums, r12 the half that rounds. */
#define LOAD(i) "ldrb r4, [r1, #" #i "]\n sxtb r4, r4\n"
#define FIRST LOAD(0) "ldm r0!, {r2, r3}\n muls r2, r4, r2\n muls r3, r4, r3\n"
#define NEXT(i) LOAD(i) "ldm r0!, {r6, r7}\n muls r6, r4, r6\n muls r7, r4, r7\n adds r2, r2, r6\n adds r3, r3, r7\n"
#define SPLIT(word, even, odd) "sxth r6, " word "\n add " even ", r6\n add " word ", r12\n asrs " word ", " word ", #16\n add " odd ", " word "\n"
#define SPAN_END(inputs) SPLIT("r2", "r8", "r9") SPLIT("r3", "r10", "r11") "adds r1, r1, #" #inputs "\n"

__attribute__((naked, noinline)) void hwc_plain_pairs_run(
    int32_t *sums, const int32_t *words, const int8_t *in, int32_t count, int32_t most) {
    __asm__ volatile(".syntax unified\n"
                     "push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n push {r0}\n"
                     "ldm r0!, {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n"
                     "movs r4, #128\n lsls r4, r4, #8\n mov r12, r4\n"
                     "ldr r4, [sp, #40]\n mov r0, r1\n mov r1, r2\n mov r5, r3\n cmp r4, #4\n bne 2f\n"
                     "subs r5, r5, #4\n bmi 1f\n"
                     "0:\n" FIRST NEXT(1) NEXT(2) NEXT(3) SPAN_END(4) "subs r5, r5, #4\n bpl 0b\n"
                     "1:\n adds r5, r5, #4\n"
                     "2:\n subs r5, r5, #2\n bmi 4f\n"
                     "3:\n" FIRST NEXT(1) SPAN_END(2) "subs r5, r5, #2\n bpl 3b\n"
                     "4:\n adds r5, r5, #2\n beq 5f\n" FIRST SPAN_END(1)
                     "5:\n pop {r0}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n stm r0!, {r4-r7}\n"
                     "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r4-r7, pc}\n");
}

#else

enum { WORDS = 2 };

/* Adds up the two halves of a word of products. */
static inline void split(int32_t word, int32_t *even, int32_t *odd) {
    *even += (int16_t)word;
    *odd += (int32_t)((uint32_t)word + 0x8000) >> 16;
}

/* `count` (1, 2 or 4) inputs times four channels. */
static inline __attribute__((always_inline)) void span(int32_t *sums, const int32_t *words, const int8_t *in, int32_t count) {
    int32_t first = words[0] * in[0], second = words[1] * in[0];
    for (int32_t i = 1; i < count; i++) {
        first += words[WORDS * i] * in[i];
        second += words[WORDS * i + 1] * in[i];
    }
    split(first, &sums[0], &sums[1]);
    split(second, &sums[2], &sums[3]);
}

void hwc_plain_pairs_run(int32_t *sums, const int32_t *words, const int8_t *in, int32_t count, int32_t most) {
    int32_t local[4] = {sums[0], sums[1], sums[2], sums[3]};
    const int8_t *end = in + count;
    if (most == 4) {
        for (; end - in >= 4; in += 4, words += 4 * WORDS) span(local, words, in, 4);
    }
    for (; end - in >= 2; in += 2, words += 2 * WORDS) span(local, words, in, 2);
    if (in != end) span(local, words, in, 1);
    for (int32_t i = 0; i < 4; i++) sums[i] = local[i];
}

#endif
