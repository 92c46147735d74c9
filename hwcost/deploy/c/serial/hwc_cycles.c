/* The core's own counter of cycles. Both functions are weak: a project that counts with another timer defines its own. */
#include "hwc_serial.h"

#define AT(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define WEAK __attribute__((weak))

#if defined(HWC_CYCLES_AT)

/* Somebody else's counter, at an address that was given. */
WEAK void hwc_cycles_start(void) {
}

WEAK uint32_t hwc_cycles(void) {
    return AT(HWC_CYCLES_AT);
}

#elif defined(ESP_PLATFORM)
#include "esp_cpu.h"

/* The counter of Espressif's chips, some of which have none of RISC-V's. It runs from the start. */
WEAK void hwc_cycles_start(void) {
}

WEAK uint32_t hwc_cycles(void) {
    return (uint32_t)esp_cpu_get_cycle_count();
}

#elif defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__)

/* The trace unit (DWT): tracing on, its lock open (Cortex-M7), the counter on. */
WEAK void hwc_cycles_start(void) {
    AT(0xE000EDFC) |= 1u << 24;
    AT(0xE0001FB0) = 0xC5ACCE55;
    AT(0xE0001004) = 0;
    AT(0xE0001000) |= 1;
}

WEAK uint32_t hwc_cycles(void) {
    return AT(0xE0001004);
}

#elif defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)

#define SYSTICK_PERIOD (1u << 24)
static volatile uint32_t wraps;

/* SysTick has 24 bits that count down; its interrupt counts how often it wrapped. Where SysTick_Handler is taken (an operating system,
 * Arduino, STM32Cube), leave it to them with -DHWC_SYSTICK_TAKEN and define hwc_cycles() and hwc_cycles_start() with another timer. */
#ifndef HWC_SYSTICK_TAKEN
void SysTick_Handler(void);
void SysTick_Handler(void) {
    wraps++;
}
#endif

WEAK void hwc_cycles_start(void) {
    AT(0xE000E014) = SYSTICK_PERIOD - 1;
    AT(0xE000E018) = 0;
    AT(0xE000E010) = 7; /* the core's clock, with interrupt, on */
}

WEAK uint32_t hwc_cycles(void) {
    uint32_t before, left;
    do { /* again where it wrapped between the two readings */
        before = wraps;
        left = AT(0xE000E018);
    } while (before != wraps);
    return before * SYSTICK_PERIOD + (SYSTICK_PERIOD - 1 - left);
}

#elif defined(__riscv)

/* RISC-V counts by itself. */
WEAK void hwc_cycles_start(void) {
}

WEAK uint32_t hwc_cycles(void) {
    uint32_t cycles;
    __asm__ volatile("csrr %0, mcycle" : "=r"(cycles));
    return cycles;
}

#endif
