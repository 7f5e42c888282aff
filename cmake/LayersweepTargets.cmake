# layersweep_room(<name> SOURCES … [DEPENDS …] [TORCH])   a library layersweep_<name> of src/<name>; DEPENDS is what it may know
#   with TORCH its sources include LibTorch's headers, which take longer to compile than all the rest: they are precompiled,
#   and with LAYERSWEEP_UNITY eight sources are compiled as one. Names in unnamed namespaces of a room then have to differ.
# layersweep_test(<name> SOURCES … DEPENDS … [TORCH] [NP 1 2 4] [TIMEOUT s] [LABELS …])
#   a GoogleTest executable test_<name>; with NP it runs once for each rank count under mpirun, else once alone

add_library(layersweep_flags INTERFACE)
target_compile_features(layersweep_flags INTERFACE cxx_std_20)
target_compile_options(layersweep_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wundef
                       $<$<BOOL:${LAYERSWEEP_WERROR}>:-Werror>)
# GCC 12 sees overlaps in "literal" + std::string that are not there (GCC bug 105329).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(layersweep_flags INTERFACE -Wno-restrict)
endif()
# The C++ bindings of MPI are gone from the standard; their header would pull in a library nobody needs.
target_compile_definitions(layersweep_flags INTERFACE OMPI_SKIP_MPICXX=1 MPICH_SKIP_MPICXX=1)
target_include_directories(layersweep_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})

# For tests under mpirun: as root too, and ranks that wait leave the processor to those that work.
set(layersweep_mpi_environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # stacks that reach through MPI's libraries, for cmake/lsan.supp
  list(APPEND layersweep_mpi_environment ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:fast_unwind_on_malloc=0)
endif()

# One precompiled header for all targets that include LibTorch's: making it takes as long as compiling a few files.
function(layersweep_precompile_torch target)
  if(NOT TARGET layersweep_precompiled)
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cpp CONTENT "// Only its precompiled header is used.\n")
    add_library(layersweep_precompiled STATIC ${CMAKE_BINARY_DIR}/precompiled.cpp)
    target_link_libraries(layersweep_precompiled PRIVATE layersweep_flags layersweep_torch fmt::fmt nlohmann_json::nlohmann_json)
    target_compile_definitions(layersweep_precompiled PRIVATE FMT_HEADER_ONLY=1)  # as in all that include LibTorch
    set_target_properties(layersweep_precompiled PROPERTIES CXX_EXTENSIONS OFF CXX_STANDARD 20)
    target_precompile_headers(layersweep_precompiled PRIVATE
      <ATen/ATen.h> <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp> <algorithm> <functional> <map> <memory> <optional> <set>
      <string> <vector>)
  endif()
  target_precompile_headers(${target} REUSE_FROM layersweep_precompiled)
  target_compile_options(${target} PRIVATE -Winvalid-pch)
endfunction()

function(layersweep_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "TORCH" "" "SOURCES;DEPENDS")
  add_library(layersweep_${name} STATIC ${room_SOURCES})
  target_link_libraries(layersweep_${name} PUBLIC ${room_DEPENDS} PRIVATE layersweep_flags)
  set_target_properties(layersweep_${name} PROPERTIES CXX_EXTENSIONS OFF CXX_STANDARD 20)
  if(room_TORCH)
    layersweep_precompile_torch(layersweep_${name})
    set_target_properties(layersweep_${name} PROPERTIES UNITY_BUILD ${LAYERSWEEP_UNITY} UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

function(layersweep_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "TORCH" "TIMEOUT" "SOURCES;DEPENDS;NP;LABELS")
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 300)
  endif()
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # ten times as slow and more
    math(EXPR test_TIMEOUT "10 * ${test_TIMEOUT}")
  endif()
  set(target test_${name})
  add_executable(${target} ${test_SOURCES})
  target_link_libraries(${target} PRIVATE ${test_DEPENDS} layersweep_test_main layersweep_flags)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_STANDARD 20)
  if(test_TORCH)
    layersweep_precompile_torch(${target})
  endif()
  set(environment "LAYERSWEEP_SOURCE_DIR=${CMAKE_SOURCE_DIR};LAYERSWEEP_BINARY_DIR=${CMAKE_BINARY_DIR};OMP_NUM_THREADS=1")
  if(test_NP)
    foreach(np IN LISTS test_NP)
      # The exit code decides; mpirun returns the first non-zero code of any rank.
      add_test(NAME ${name}.np${np}
               COMMAND ${MPIEXEC_EXECUTABLE} --bind-to none --oversubscribe ${MPIEXEC_NUMPROC_FLAG} ${np} $<TARGET_FILE:${target}>)
      set_tests_properties(${name}.np${np} PROPERTIES TIMEOUT ${test_TIMEOUT} LABELS "mpi;${test_LABELS}" PROCESSORS 2
        ENVIRONMENT "${environment};${layersweep_mpi_environment}")
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${target})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${test_TIMEOUT} LABELS "${test_LABELS}" ENVIRONMENT "${environment}")
  endif()
endfunction()
