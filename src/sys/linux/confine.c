#include "sys/confine.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture of this processor"
#endif

/* Numbers of the x32 ABI, which shares the architecture of x86_64. */
#define X32_BIT 0x40000000

/* /proc is where the empty root is mounted, because it exists: the maps were written there. */
bool confine_to_empty_root(struct err **errp)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
              "nr_inodes=2,size=4k,mode=0555") < 0)
        return err_set_os(errp, errno, "cannot mount an empty root");
    if (chdir("/proc") < 0 || syscall(__NR_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_set_os(errp, errno, "cannot change to the empty root");
    return true;
}

bool confine_rights(struct err **errp)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
            return err_set_os(errp, errno, "cannot drop capability %lu", cap);
    if (syscall(__NR_capset, &header, none) < 0)
        return err_set_os(errp, errno, "cannot drop the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set_os(errp, errno, "cannot forbid new privileges");
    return true;
}

#define LOAD(member) \
    ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member)))
/* A test of the loaded word, and how many instructions to skip in either case. */
#define TEST(op, k, if_true, if_false) \
    ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (if_true), (if_false)))
#define RETURN(k) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (k)))
#define REFUSE    RETURN(SECCOMP_RET_ERRNO | EPERM)

/* Leaves the number of the call loaded. */
static size_t begin_filter(struct sock_filter *out)
{
    size_t n = 0;

    out[n++] = LOAD(arch);
    out[n++] = TEST(BPF_JEQ, OUR_ARCH, 1, 0);
    out[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    out[n++] = LOAD(nr);
    out[n++] = TEST(BPF_JGE, X32_BIT, 0, 1);
    out[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
    return n;
}

size_t syscall_filter_allow(const struct syscall_rule *rules, size_t n_rules,
                            struct sock_filter out[SYSCALL_FILTER_MAX])
{
    size_t n = begin_filter(out);

    assert(n_rules * 5 + 8 <= SYSCALL_FILTER_MAX);
    for (size_t i = 0; i < n_rules; i++) {
        unsigned number = (unsigned)rules[i].number;

        if (rules[i].check == SYSCALL_ANY) {
            out[n++] = TEST(BPF_JEQ, number, 0, 1);
            out[n++] = RETURN(SECCOMP_RET_ALLOW);
            continue;
        }
        /* The low word of the argument is enough: the kernel takes an int or flags. */
        out[n++] = TEST(BPF_JEQ, number, 0, 4);
        out[n++] = rules[i].check == SYSCALL_UNIX_ONLY ? LOAD(args[0]) : LOAD(args[2]);
        out[n++] = rules[i].check == SYSCALL_UNIX_ONLY ? TEST(BPF_JEQ, AF_UNIX, 0, 1)
                                                       : TEST(BPF_JSET, PROT_EXEC, 1, 0);
        out[n++] = RETURN(SECCOMP_RET_ALLOW);
        out[n++] = REFUSE;
    }
    out[n++] = REFUSE;
    return n;
}

size_t syscall_filter_deny(const struct syscall_rule *rules, size_t n_rules,
                           struct sock_filter out[SYSCALL_FILTER_MAX])
{
    size_t n = begin_filter(out);

    assert(n_rules * 2 + 8 <= SYSCALL_FILTER_MAX);
    for (size_t i = 0; i < n_rules; i++) {
        out[n++] = TEST(BPF_JEQ, (unsigned)rules[i].number, 0, 1);
        out[n++] = REFUSE;
    }
    out[n++] = RETURN(SECCOMP_RET_ALLOW);
    return n;
}

bool confine_calls(struct sock_filter *program, size_t n, struct err **errp)
{
    struct sock_fprog filter = { .len = (unsigned short)n, .filter = program };

    if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0)
        return err_set_os(errp, errno, "cannot install the system call filter");
    return true;
}
