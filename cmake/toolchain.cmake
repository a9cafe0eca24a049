# Compiler, warnings, sanitizers, cache.

find_program(CCACHE ccache)
if(CCACHE)
  # The precompiled header is an input like any other; __TIME__ is never used.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

find_package(Threads REQUIRED)

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Known false positives of GCC 12's flow analysis on inlined std::string and std::variant.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer
                      -Wno-stringop-overflow -Wno-array-bounds)
endif()
add_compile_options(-fno-omit-frame-pointer)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")

if(SLUICE_ASAN)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
if(SLUICE_TSAN)
  add_compile_options(-fsanitize=thread)
  # GCC warns that TSan does not see std::atomic_thread_fence; Asio's own fences are the case.
  add_compile_options(-Wno-tsan)
  add_link_options(-fsanitize=thread)
endif()
if(SLUICE_FUZZ)
  # The containers of the standard library check their own preconditions too.
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
