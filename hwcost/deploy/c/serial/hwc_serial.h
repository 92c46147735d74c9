/* A network on a board, asked over a serial line: who are you, take this input, run, what came out, what did each layer take.
 *
 * Fill in the three functions below for your board, call hwc_serve() from its main function, and the computer can ask:
 * hwcost deploy ... --run --board serial:PORT. Lines and words are those of docs/serial-protocol.md, protocol version HWC_PROTOCOL.
 * Nothing here needs a heap, a C library or more than about 600 bytes of RAM.
 */
#ifndef HWC_SERIAL_H
#define HWC_SERIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HWC_PROTOCOL 1

/* The longest line, `$`, checksum and line end included. */
#define HWC_LINE_BYTES 256

/* How far below its own frame hwc_serve() marks the stack. More than this may not be left of it: set it lower on a small stack. */
#ifndef HWC_STACK_MARKED
#define HWC_STACK_MARKED 1024
#endif

/* ---- To fill in for a board ---------------------------------------------------------------------------------------------- */

/* The next byte from the computer, waited for; a negative number ends hwc_serve(). */
int hwc_read_byte(void);

/* Sends a byte to the computer, waiting while the line is busy. */
void hwc_write_byte(uint8_t byte);

/* How often a second the counter behind hwc_cycles() counts: the clock of the core, unless you replaced that function. */
uint32_t hwc_clock_hz(void);

/* ---- What is served: hwc_model.c has it for the network, another file may have something else ---------------------------- */

/* An input or output: where its bytes lie, and how many. */
struct hwc_port {
    void *(*place)(void);
    uint32_t bytes;
};

/* What can be run here. `run` calls hwc_layer_done() after each layer; `least` and `most` have a number for each of them. */
struct hwc_subject {
    const char *device, *core, *model;
    uint32_t inputs, outputs, layers;
    const struct hwc_port *input, *output;
    const char *const *names;
    uint32_t *least, *most;
    void (*run)(void);
};

extern const struct hwc_subject hwc_subject;

/* ---- What hwc_serve.c does ----------------------------------------------------------------------------------------------- */

/* Answers the computer until hwc_read_byte() says that it is gone. */
void hwc_serve(void);

/* Says who is here and what each layer takes, unasked: for the log of a terminal. */
void hwc_report(uint32_t repeats);

/* Layer `index` has just ended: what the counter moved since the one before it is its time. */
void hwc_layer_done(uint32_t index);

/* ---- hwc_cycles.c: the core's own counter of cycles; weak, so that a file of yours may count with another timer ----------- */

/* Sets the counter going. */
void hwc_cycles_start(void);

/* The counter: 32 bits that wrap. */
uint32_t hwc_cycles(void);

/* ---- hwc_line.c: lines as they go over the wire ---------------------------------------------------------------------------- */

/* Says a line: its word, then values, then the end with the checksum. Names and words are plain; text is escaped where it is not. */
void hwc_say(const char *word);
void hwc_say_number(const char *name, uint64_t value);
void hwc_say_text(const char *name, const char *text);
void hwc_say_hex(const char *name, const uint8_t *bytes, uint32_t count);
void hwc_say_sizes(const char *name, const struct hwc_port *ports, uint32_t count);
void hwc_say_end(void);

/* Waits for a line and leaves what is between `$` and its checksum in `line`, ended by 0. 1: a line, -1: a damaged one, 0: no more. */
int hwc_hear(char line[HWC_LINE_BYTES]);

/* The number of ` name=...` in a line; `otherwise` where there is none. */
uint32_t hwc_heard_number(const char *line, const char *name, uint32_t otherwise);

/* How many bytes a value in hexadecimal holds, 0 where it is none; and one of them. */
uint32_t hwc_hex_bytes(const char *hex);
uint8_t hwc_hex_byte(const char *hex);

/* Where the value of ` name=...` begins; a null pointer where there is none. */
const char *hwc_heard(const char *line, const char *name);

#ifdef __cplusplus
}
#endif

#endif
