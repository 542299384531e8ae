/* Lines of a host agent's logs: whatever is accepted has texts that are safe to print. */
#include "fuzz.h"

#include <assert.h>

#include "instance/event.h"

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t')
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv line = { (const char *)data, size };
    auto_err struct err *err = NULL;
    struct event event;
    struct event_log log;

    if (!event_decode(line, &event, &err))
        assert(err_kind(err) == ERR_PROTOCOL);
    event_done(&event);
    event_log_decode(line, &log);
    assert(log.text && is_printable(log.text) && log.level <= LOG_ERROR);
    for (size_t i = 0; i < log.n_fields; i++)
        assert(is_printable(log.fields[i].value));
    event_log_done(&log);
    return 0;
}
