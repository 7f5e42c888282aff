# Everything layersweep links that it did not write, as imported targets.
#
# LibTorch comes from, in this order: -DLAYERSWEEP_LIBTORCH=<folder with include/ and lib/>, a TorchConfig.cmake on
# CMAKE_PREFIX_PATH whose find_package succeeds, or the PyPI wheel that scripts/setup.sh unpacks to .deps/libtorch.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(MPI REQUIRED COMPONENTS C)
find_package(OpenMP REQUIRED COMPONENTS CXX)

find_package(PkgConfig REQUIRED)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)

# HDF5: only the C library, and only a build with MPI-IO (a serial one fails here rather than at the first run).
set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "The HDF5 found has no MPI support, and layersweep writes from many ranks: "
                      "install the parallel build (Debian: libhdf5-openmpi-dev) or set HDF5_ROOT to one")
endif()
add_library(layersweep_hdf5 INTERFACE)
target_include_directories(layersweep_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(layersweep_hdf5 INTERFACE ${HDF5_C_LIBRARIES} MPI::MPI_C)

# --- LibTorch ------------------------------------------------------------------------------------------------------
if(NOT LAYERSWEEP_TORCH)
  return()
endif()
set(LAYERSWEEP_LIBTORCH "" CACHE PATH "A LibTorch folder (include/, lib/); empty: CMAKE_PREFIX_PATH, then .deps/libtorch")
set(torch_root "${LAYERSWEEP_LIBTORCH}")
if(NOT torch_root)
  find_path(LAYERSWEEP_TORCH_INCLUDE ATen/ATen.h PATH_SUFFIXES include
            HINTS ${CMAKE_PREFIX_PATH} ${CMAKE_SOURCE_DIR}/.deps/libtorch NO_DEFAULT_PATH)
  if(LAYERSWEEP_TORCH_INCLUDE)
    get_filename_component(torch_root "${LAYERSWEEP_TORCH_INCLUDE}" DIRECTORY)
  endif()
endif()
if(NOT EXISTS "${torch_root}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "No LibTorch found: run scripts/setup.sh, or pass -DLAYERSWEEP_LIBTORCH=<folder with include/ and lib/>")
endif()
# Older LibTorch keeps its version macros in torch/csrc/api, newer in torch/headeronly.
set(LAYERSWEEP_TORCH_VERSION "")
foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(EXISTS "${torch_root}/include/${header}" AND NOT LAYERSWEEP_TORCH_VERSION)
    file(READ "${torch_root}/include/${header}" torch_version_header)
    if(torch_version_header MATCHES
       "TORCH_VERSION_MAJOR +([0-9]+).*TORCH_VERSION_MINOR +([0-9]+).*TORCH_VERSION_PATCH +([0-9]+)")
      set(LAYERSWEEP_TORCH_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
    endif()
  endif()
endforeach()

# A wheel's libtorch_cpu may need the CUDA runtime libraries that lie beside it; they are found through its own rpath.
add_library(layersweep_torch INTERFACE)
target_include_directories(layersweep_torch SYSTEM INTERFACE ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
# OpenMP: at::parallel_for is a header template. The loader takes one libgomp.so.1 by its name, the one LibTorch brings; the
# compiler's own is linked by its option, since CMake would warn of the two for every program.
target_link_libraries(layersweep_torch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so
                      Threads::Threads)
separate_arguments(openmp_options UNIX_COMMAND "${OpenMP_CXX_FLAGS}")
target_compile_options(layersweep_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${openmp_options}>)
target_link_options(layersweep_torch INTERFACE ${openmp_options})
target_link_options(layersweep_torch INTERFACE "-Wl,-rpath,${torch_root}/lib" "-Wl,--allow-shlib-undefined")
