#include "driver/qemu/features.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sys/proc.h"
#include "wire/jsonl.h"
#include "wire/qmp.h"

enum {
    PROBE_DEADLINE_MS = 15000,
    ANSWERS_LIMIT = 1024 * 1024,
    STDERR_LIMIT = 4096,
};

enum { ID_CAPABILITIES = 1, ID_VERSION, ID_FIRST_FEATURE };

/* A feature is there when its question gets an answer that is not an empty list. */
static const struct {
    const char *name;
    size_t offset;
    const char *command, *key, *value;
} feature_rows[] = {
#define ROW(name, command, key, value)                                   \
    {                                                                    \
#name, offsetof(struct qemu_features, name), command, key, value \
    }
    ROW(tcg, "qom-list-types", "implements", "tcg-accel"),
    ROW(kvm, "qom-list-types", "implements", "kvm-accel"),
    ROW(vsock, "qom-list-types", "implements", "vhost-user-vsock-pci"),
    ROW(fs, "qom-list-types", "implements", "vhost-user-fs-pci"),
    ROW(memfd, "qom-list-types", "implements", "memory-backend-memfd"),
    ROW(sandbox, "query-command-line-options", "option", "sandbox"),
    ROW(ninep, "qom-list-types", "implements", "virtio-9p-pci"),
#undef ROW
};

static bool *feature_member(struct qemu_features *features, size_t row)
{
    return (bool *)(void *)((char *)features + feature_rows[row].offset);
}

static void put_question(struct sb *out, const char *command, json_t *take_args, uint64_t id)
{
    auto_mem char *line = qmp_encode(command, take_args, id);

    sb_puts(out, line);
    json_decref(take_args);
}

char *qemu_features_questions(void)
{
    auto_sb struct sb out = { 0 };

    put_question(&out, "qmp_capabilities", NULL, ID_CAPABILITIES);
    put_question(&out, "query-version", NULL, ID_VERSION);
    for (size_t i = 0; i < COUNT(feature_rows); i++)
        put_question(&out, feature_rows[i].command,
                     json_pack("{s:s}", feature_rows[i].key, feature_rows[i].value),
                     ID_FIRST_FEATURE + i);
    put_question(&out, "quit", NULL, ID_FIRST_FEATURE + COUNT(feature_rows));
    return sb_steal(&out);
}

static bool take_answer(const struct qmp_message *msg, struct qemu_features *f, bool *out_versioned,
                        struct err **errp)
{
    if (msg->kind != QMP_REPLY)
        return true; /* events, and errors about options that this QEMU does not have */
    if (msg->id == ID_VERSION) {
        *out_versioned = true;
        return qmp_decode_version(msg->data, &f->version, errp);
    }
    if (msg->id >= ID_FIRST_FEATURE && msg->id - ID_FIRST_FEATURE < COUNT(feature_rows))
        *feature_member(f, msg->id - ID_FIRST_FEATURE) = json_array_size(msg->data) > 0;
    return true;
}

bool qemu_features_parse(struct sv answers, struct qemu_features *out, struct err **errp)
{
    struct jsonl lines = { .limit = ANSWERS_LIMIT };
    struct qemu_features f = { 0 };
    enum jsonl_status status;
    bool versioned = false, ok = true;
    json_t *doc;

    jsonl_feed(&lines, answers.p, answers.n);
    while (ok && (status = jsonl_next(&lines, &doc, errp)) != JSONL_MORE) {
        auto_qmp_message struct qmp_message msg = { 0 };

        ok = status == JSONL_VALUE && qmp_decode(doc, &msg, errp) &&
             take_answer(&msg, &f, &versioned, errp);
    }
    jsonl_done(&lines);
    if (!ok)
        return false;
    if (!versioned)
        return err_set(errp, ERR_PROTOCOL, "it did not tell its version");
    *out = f;
    return true;
}

bool qemu_features_probe(const struct strv *words, struct qemu_features *out, struct err **errp)
{
    auto_mem char *questions = qemu_features_questions();
    auto_cmd struct cmd cmd = {
        .in = CMD_FROM_TEXT(sv_of(questions)),
        .out = CMD_TO_PIPE(ANSWERS_LIMIT),
        .err = CMD_TO_PIPE(STDERR_LIMIT),
        .flags = CMD_OWN_GROUP | CMD_DIES_WITH_PARENT,
        .deadline_ms = PROBE_DEADLINE_MS,
    };
    auto_cmd_result struct cmd_result res = { 0 };

    strv_extend(&cmd.argv, words);
    strv_push_list(&cmd.argv, "-M", "none", "-nodefaults", "-no-user-config", "-display", "none",
                   "-qmp", "stdio", NULL);
    return (cmd_check(&cmd, &res, errp) && qemu_features_parse(sb_view(&res.out), out, errp)) ||
           err_wrap(errp, "asking %s what it can do", words->v[0]);
}

size_t qemu_features_count(void)
{
    return COUNT(feature_rows);
}

char *qemu_features_format(const struct qemu_features *features)
{
    struct qemu_features f = *features;
    auto_strv struct strv names = { 0 };

    for (size_t i = 0; i < COUNT(feature_rows); i++)
        if (*feature_member(&f, i))
            strv_push(&names, feature_rows[i].name);
    return strv_join(&names, " ");
}

void qemu_features_scan(struct sv text, struct qemu_features *out)
{
    struct sv name;

    while (sv_next(&text, ' ', &name))
        for (size_t i = 0; i < COUNT(feature_rows); i++)
            if (sv_eq_str(name, feature_rows[i].name))
                *feature_member(out, i) = true;
}
