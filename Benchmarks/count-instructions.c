// Counts the instructions that a program executes between its first two SIGSTOPs, and prints the number.
//
// usage: count-instructions PROGRAM [ARGUMENT...]
//
// One step at a time with ptrace(2): exact for the same binary and the same input on one kind of processor, whatever else
// the machine is doing, and slow (some 10,000 steps a second): for short pieces only.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what) {
    fprintf(stderr, "count-instructions: %s: %s\n", what, strerror(errno));
    return 2;
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: count-instructions PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0) execv(arguments[1], arguments + 1);
        _exit(failed(arguments[1]));
    }
    int status = 0, stops = 0;
    long steps = 0;
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        if (signal == SIGSTOP && ++stops == 2) {
            printf("%ld\n", steps);
            kill(child, SIGKILL);
            return 0;
        }
        if (stops == 1 && signal == SIGTRAP) steps++;
        int request = stops == 1 ? PTRACE_SINGLESTEP : PTRACE_CONT;
        if (ptrace(request, child, 0, signal == SIGTRAP || signal == SIGSTOP ? 0 : signal) != 0) return failed("ptrace");
    }
    fprintf(stderr, "count-instructions: %s ended before its second SIGSTOP\n", arguments[1]);
    return 2;
}
