// Lets C++ say `atoll::`.
//
// <stdlib.h> declares a function `atoll` (text to long long), and a global name cannot be both a
// function and a namespace. So the namespace is called `libatoll`, and `atoll` stands for it from
// here on. Where a source file needs the function after including atoll, std::strtoll does its
// work.
#pragma once

#include <cstdlib>  // first, so that its own declarations keep their name

#define atoll libatoll
