/* What the computer may ask, and the answers: see docs/serial-protocol.md. */
#include "hwc_serial.h"

/* Bytes of an output that go into one line, as hexadecimal. */
#define CHUNK 96

/* What unused stack is filled with, and how many words below a frame are left to that frame. */
#define PAINT 0xA55AC33Cu
#define SPARE 16
#define MARKED (HWC_STACK_MARKED / 4)

static uint32_t last, overhead;
static uint64_t total;

void hwc_layer_done(uint32_t index) {
    uint32_t took = hwc_cycles() - last;
    took = took > overhead ? took - overhead : 0;
    total += took;
    if (index < hwc_subject.layers) {
        if (took < hwc_subject.least[index]) hwc_subject.least[index] = took;
        if (took > hwc_subject.most[index]) hwc_subject.most[index] = took;
    }
    last = hwc_cycles(); /* the time of this function is nobody's */
}

/* Sets the counter going, and learns what it says of a layer that does nothing. */
static void start(void) {
    hwc_cycles_start();
    overhead = 0;
    total = 0;
    last = hwc_cycles();
    hwc_layer_done(UINT32_MAX);
    overhead = (uint32_t)total;
}

/* Runs once; its cycles are those of the layers and of what comes after the last. */
static uint64_t run(void) {
    total = 0;
    last = hwc_cycles();
    hwc_subject.run();
    return total + (uint32_t)(hwc_cycles() - last);
}

/* Runs once with the stack below painted, and says cycles and the deepest word that is no longer painted. An interrupt can only make
 * that deeper. Where all of it was used, stack equals marked: it may have been more. */
__attribute__((noinline)) static void answer_run(void) {
    volatile uintptr_t frame = (uintptr_t)&frame;
    volatile uint32_t *deepest = (volatile uint32_t *)((frame & ~(uintptr_t)3) - 4 * (SPARE + MARKED));
    for (uint32_t i = 0; i < MARKED; i++) deepest[i] = PAINT;
    uint64_t cycles = run();
    uint32_t clean = 0;
    while (clean < MARKED && deepest[clean] == PAINT) clean++;
    hwc_say("ran");
    hwc_say_number("cycles", cycles);
    hwc_say_number("stack", (SPARE + MARKED - clean) * 4);
    hwc_say_number("marked", (SPARE + MARKED) * 4);
    hwc_say_end();
}

/* Why a line was not answered. */
static void answer_fault(const char *text) {
    hwc_say("fault");
    hwc_say_text("text", text);
    hwc_say_end();
}

/* Who is here. */
static void answer_identify(void) {
    hwc_say("identity");
    hwc_say_number("protocol", HWC_PROTOCOL);
    hwc_say_text("device", hwc_subject.device);
    hwc_say_text("core", hwc_subject.core);
    hwc_say_number("clock_hz", hwc_clock_hz());
    hwc_say_text("model", hwc_subject.model);
    hwc_say_sizes("inputs", hwc_subject.input, hwc_subject.inputs);
    hwc_say_sizes("outputs", hwc_subject.output, hwc_subject.outputs);
    hwc_say_number("layers", hwc_subject.layers);
    hwc_say_end();
}

/* Runs `repeats` times and says the least and the most that each layer took. */
static void answer_layers(uint32_t repeats) {
    for (uint32_t i = 0; i < hwc_subject.layers; i++) {
        hwc_subject.least[i] = UINT32_MAX;
        hwc_subject.most[i] = 0;
    }
    for (uint32_t i = 0; i < repeats; i++) run();
    for (uint32_t i = 0; i < hwc_subject.layers; i++) {
        hwc_say("layer");
        hwc_say_number("index", i);
        hwc_say_text("name", hwc_subject.names[i]);
        hwc_say_number("cycles", hwc_subject.least[i]);
        hwc_say_number("most", hwc_subject.most[i]);
        hwc_say_number("repeats", repeats);
        hwc_say_end();
    }
    hwc_say("layers");
    hwc_say_number("count", hwc_subject.layers);
    hwc_say_end();
}

/* Where the counter is now: asked twice, the computer knows how fast it counts. */
static void answer_clock(void) {
    hwc_say("clock");
    hwc_say_number("cycles", hwc_cycles());
    hwc_say_number("hz", hwc_clock_hz());
    hwc_say_end();
}

/* The bytes that a line is about: `index` and `offset` in it, `count` of them. A null pointer where there are no such bytes. */
static uint8_t *bytes_of(const char *line, const struct hwc_port *ports, uint32_t port_count, uint32_t count) {
    uint32_t index = hwc_heard_number(line, "index", UINT32_MAX), offset = hwc_heard_number(line, "offset", UINT32_MAX);
    if (index >= port_count || offset > ports[index].bytes || count > ports[index].bytes - offset) return 0;
    return (uint8_t *)ports[index].place() + offset;
}

/* Puts the bytes of `hex` into an input. */
static void answer_input(const char *line) {
    const char *hex = hwc_heard(line, "hex");
    uint32_t count = hex ? hwc_hex_bytes(hex) : 0;
    uint8_t *to = bytes_of(line, hwc_subject.input, hwc_subject.inputs, count);
    if (!count || !to) {
        answer_fault("no such bytes of an input");
        return;
    }
    for (uint32_t i = 0; i < count; i++) to[i] = hwc_hex_byte(hex + 2 * i);
    hwc_say("taken");
    hwc_say_number("index", hwc_heard_number(line, "index", 0));
    hwc_say_number("offset", hwc_heard_number(line, "offset", 0));
    hwc_say_number("bytes", count);
    hwc_say_end();
}

/* Says `bytes` bytes of an output. */
static void answer_output(const char *line) {
    uint32_t count = hwc_heard_number(line, "bytes", 0);
    const uint8_t *from = bytes_of(line, hwc_subject.output, hwc_subject.outputs, count);
    if (!count || count > CHUNK || !from) {
        answer_fault("no such bytes of an output");
        return;
    }
    hwc_say("data");
    hwc_say_number("index", hwc_heard_number(line, "index", 0));
    hwc_say_number("offset", hwc_heard_number(line, "offset", 0));
    hwc_say_hex("hex", from, count);
    hwc_say_end();
}

/* Whether a line begins with a word. */
static int is(const char *line, const char *word) {
    while (*word && *line == *word) line++, word++;
    return !*word && (!*line || *line == ' ');
}

void hwc_report(uint32_t repeats) {
    start();
    answer_identify();
    answer_layers(repeats ? repeats : 1);
}

void hwc_serve(void) {
    static char line[HWC_LINE_BYTES];
    start();
    for (int heard = hwc_hear(line); heard; heard = hwc_hear(line)) {
        if (heard < 0) answer_fault("damaged");
        else if (is(line, "identify")) answer_identify();
        else if (is(line, "input")) answer_input(line);
        else if (is(line, "run")) answer_run();
        else if (is(line, "output")) answer_output(line);
        else if (is(line, "layers")) answer_layers(hwc_heard_number(line, "repeats", 1) ? hwc_heard_number(line, "repeats", 1) : 1);
        else if (is(line, "clock")) answer_clock();
        else answer_fault("unknown word");
    }
}
