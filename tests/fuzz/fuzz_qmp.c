/* Lines as QEMU sends them; whatever is decoded has all the members its kind promises. */
#include "fuzz.h"

#include <assert.h>

#include "wire/jsonl.h"
#include "wire/qmp.h"

static void check(const struct qmp_message *msg)
{
    switch (msg->kind) {
    case QMP_GREETING:
        assert(msg->package);
        break;
    case QMP_REPLY:
        assert(msg->has_id && msg->data);
        break;
    case QMP_ERROR:
        assert(msg->name && msg->text);
        break;
    case QMP_EVENT:
        assert(msg->name);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jsonl lines = { .limit = QMP_LINE_LIMIT };
    enum jsonl_status status;
    json_t *value;

    jsonl_feed(&lines, data, size);
    while ((status = jsonl_next(&lines, &value, NULL)) != JSONL_MORE) {
        auto_qmp_message struct qmp_message msg = { 0 };

        if (status == JSONL_VALUE && qmp_decode(value, &msg, NULL))
            check(&msg);
    }
    jsonl_done(&lines);
    return 0;
}
