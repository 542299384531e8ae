#include "model/config/host_facts.h"

#include "base/mem.h"
#include "sys/host.h"
#include "sys/user.h"

static char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? mem_strdup(value) : NULL;
}

bool host_facts_gather(struct host_facts *out, struct err **errp)
{
    auto_user_info struct user_info user = { 0 };
    auto_err struct err *no_machine_id = NULL;

    if (!user_current(&user, errp))
        return false;
    *out = (struct host_facts){
        .os = mem_strdup(host_os()),
        .arch = mem_strdup(host_arch()),
        .cpus = host_cpus(),
        .memory = host_memory(),
        .timezone = host_timezone(),
        .user_name = MOVE(user.name),
        .user_comment = MOVE(user.gecos),
        .user_home = MOVE(user.home),
        .temp_dir = environment("TMPDIR"),
        .uid = (uint32_t)user.uid,
        .ssh_over_vsock = environment("LIMA_SSH_OVER_VSOCK"),
    };
    if (!host_machine_id(&out->machine_id, &no_machine_id))
        out->machine_id = host_name();
    if (!out->temp_dir)
        out->temp_dir = mem_strdup("/tmp");
    return true;
}

void host_facts_done(struct host_facts *facts)
{
    free(facts->os);
    free(facts->arch);
    free(facts->timezone);
    free(facts->machine_id);
    free(facts->user_name);
    free(facts->user_comment);
    free(facts->user_home);
    free(facts->temp_dir);
    free(facts->ssh_over_vsock);
    *facts = (struct host_facts){ 0 };
}
