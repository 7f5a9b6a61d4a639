// How often a thread has asked for memory. Linking this target replaces malloc and its relatives for the whole
// process, which is why it is only in the package when the environment asks: a sanitizer brings its own malloc.
#pragma once

/// How many times the calling thread has asked for memory since it began; giving memory back does not count.
long allocations_of_this_thread(void);

/// From now on the calling thread traps where it asks for memory (1), or no longer (0): the crash's backtrace
/// names the place.
void trap_on_allocation(int traps);
