/* The first instructions after reset: memory as C expects it, then hwc_main. */
#include <stdint.h>

extern uint32_t hwc_data_start[], hwc_data_end[], hwc_data_load[], hwc_bss_start[], hwc_bss_end[], hwc_stack_top[];

/* What the firmware does; serial.c or the project's own file says so. Without one the core sleeps here for ever. */
__attribute__((weak)) void hwc_main(void) {
    for (;;) __asm__ volatile("");
}

/* Copies initial values out of flash, clears the rest and starts. */
__attribute__((used, noreturn)) static void start(void) {
    uint32_t *from = hwc_data_load;
    for (uint32_t *to = hwc_data_start; to < hwc_data_end; to++) *(volatile uint32_t *)to = *from++;
    for (uint32_t *to = hwc_bss_start; to < hwc_bss_end; to++) *(volatile uint32_t *)to = 0;
    for (;;) hwc_main();
}

#if defined(__arm__)
/* Where the core begins; the stack pointer came from the vector table. */
__attribute__((noreturn)) void entry(void) {
    start();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {hwc_stack_top, (const void *)entry};
#elif defined(__riscv)
/* Where the core begins: the stack pointer is set, nothing else is. */
__attribute__((naked, noreturn, section(".text.entry"))) void entry(void) {
    __asm__ volatile("la sp, hwc_stack_top\n j %0" : : "i"(start));
}
#else
#error "startup.c knows Arm and RISC-V cores"
#endif
