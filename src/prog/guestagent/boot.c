#include "prog/guestagent/boot.h"

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "base/mem.h"
#include "prog/guestagent/mounts.h"
#include "prog/guestagent/seed.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "wire/initrd.h"

#define OUTPUT_PATH "/var/log/cloud-init-output.log"

/* What boot.sh writes into the marker is its last act. */
static bool has_ended(const char *iid)
{
    auto_sb struct sb text = { 0 };

    return file_read_all(INITRD_BOOT_DONE, 4096, &text, NULL) &&
           sv_eq_str(sv_trim(sb_view(&text)), iid);
}

static bool read_iid(char **out, struct err **errp)
{
    auto_sb struct sb env = { 0 };
    auto_seed struct seed seed = { 0 };

    if (!file_read_all(INITRD_SEED_DIR "/lima.env", SEED_ENV_SIZE_MAX, &env, errp) ||
        !seed_parse(sb_view(&env), &seed, errp))
        return false;
    *out = MOVE(seed.iid);
    return true;
}

/* Not earlier: on a first boot of a large disk this takes longer than everything before ssh. */
static void grow_root(void)
{
    auto_err struct err *err = NULL;
    bool grown;

    if (!mounts_grow("/", &grown, &err))
        log_warn("%s", err_text(err));
    else if (grown)
        log_info("The root file system has grown to the size of its disk");
}

static bool run_script(int *out_status, struct err **errp)
{
    auto_fd int output = open(OUTPUT_PATH, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL };
    struct cmd_result result = { 0 };

    if (output >= 0)
        cmd.out = cmd.err = CMD_TO_FD(output);
    strv_push(&cmd.argv, INITRD_SEED_DIR "/boot.sh");
    strv_push_list(&cmd.env, "LIMA_CIDATA_MNT=" INITRD_SEED_DIR, "LIMA_CIDATA_NO_CLOUD_INIT=1",
                   NULL);
    if (!cmd_run(&cmd, &result, errp))
        return false;
    *out_status = result.status;
    cmd_result_done(&result);
    return true;
}

/* For a boot.sh that did not come to its end. text NULL: nothing failed. */
static bool mark_ended(const char *iid, const char *text, struct err **errp)
{
    if (has_ended(iid))
        return true;
    return (!text || file_write_atomic(INITRD_BOOT_FAILED, sv_of(text), 0644, errp)) &&
           file_write_atomic(INITRD_BOOT_DONE, sv_of(iid), 0644, errp);
}

bool boot_run(struct err **errp)
{
    auto_mem char *iid = NULL, *text = NULL;
    auto_err struct err *err = NULL;
    int status = 0;

    if (!read_iid(&iid, errp))
        return false;
    if (has_ended(iid)) {
        log_info("The boot scripts have run already");
        return true;
    }
    grow_root();
    if (!run_script(&status, &err))
        return mark_ended(iid, err_text(err), errp) && err_propagate(errp, MOVE(err));
    if (status)
        text = mem_printf("boot.sh ended with status %d", status);
    return mark_ended(iid, text, errp) &&
           (!status || err_set_child(errp, status, "%s; see %s", text, OUTPUT_PATH));
}
