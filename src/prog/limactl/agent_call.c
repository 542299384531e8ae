#include "prog/limactl/agent_call.h"

#include "base/mem.h"
#include "lang/json/json.h"
#include "model/store/ha_client.h"
#include "model/store/inst_dir.h"
#include "model/store/names.h"
#include "prog/limactl/target.h"

enum { ANSWER_MAX = 4 * 1024 * 1024 };

bool agent_call(const char *instance, const struct agent_call *call, json_t **out_answer,
                struct err **errp)
{
    auto_target struct target target = { 0 };
    auto_mem char *text = call->value ? json_text(call->value, JSON_STYLE_COMPACT) : mem_strdup("");
    const struct ha_request request = { call->method, call->path, sv_of(text), call->timeout_ms };
    auto_sb struct sb body = { .limit = ANSWER_MAX };

    if (!target_open_friendly(&target, instance, errp))
        return false;
    if (!target.inst.host_agent_pid && target.inst.driver_pid) {
        (void)err_set(errp, ERR_NOT_FOUND, "the host agent of instance \"%s\" is gone", instance);
        return err_hint(errp, "`limactl start %s` makes a new one", instance);
    }
    if (!target.inst.host_agent_pid)
        return err_set(errp, ERR_NOT_FOUND, "instance \"%s\" is not running", instance);

    auto_mem char *socket_path = inst_path(&target.store, instance, NAME_HA_SOCK);

    if (!ha_client_call(socket_path, &request, &body, errp))
        return err_wrap(errp, "instance \"%s\"", instance);
    return !out_answer || (*out_answer = json_parse(sb_view(&body), errp)) != NULL;
}
