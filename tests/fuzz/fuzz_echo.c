/* Messages that can be taken are the same after they were put again. */
#include "fuzz.h"

#include <assert.h>

#include "wire/echo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv stream = { (const char *)data, size };
    struct echo_msg msg, back;

    while (echo_take(&stream, &msg, NULL) == ECHO_TAKEN) {
        auto_sb struct sb again = { 0 };
        struct sv rest;

        echo_put(&again, &msg);
        rest = sb_view(&again);
        assert(echo_take(&rest, &back, NULL) == ECHO_TAKEN && rest.n == 0);
        assert(again.n <= ECHO_MSG_LEN_MAX);
        assert(back.type == msg.type && back.kind == msg.kind && back.flags == msg.flags &&
               back.dir == msg.dir && back.dir2 == msg.dir2 && sv_eq(back.export, msg.export) &&
               sv_eq(back.name, msg.name) && sv_eq(back.name2, msg.name2));
    }
    return 0;
}
