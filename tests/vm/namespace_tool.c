/*
 * Runs a static PROGRAM in a mount namespace in which it does not exist:
 *
 *     namespace_tool FILE PROGRAM NAME [ARGUMENT]...
 *
 * FILE: the namespace (mount_namespaces(7)). NAME is what the program is told it is called.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int namespace_fd = argc > 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    int program_fd = argc > 3 ? open(argv[2], O_PATH | O_CLOEXEC) : -1;

    if (program_fd >= 0 && setns(namespace_fd, CLONE_NEWNS) == 0)
        (void)fexecve(program_fd, argv + 3, environ);
    perror("namespace_tool");
    return 125;
}
