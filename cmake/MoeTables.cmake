# One line for each backend and strategy; the C++ tables are generated from those lines, because
# static registrars in a static library register nothing: the linker drops objects nobody names.

# moe_add_backend(<name> TARGET <target> SUMMARY <text>): <target> defines
# `Backend open_<name>_backend(const BackendOptions&);`, `std::string <name>_backend_missing();` and
# `std::string <name>_backend_libraries();`
function(moe_add_backend name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TARGET;SUMMARY" "")
    set_property(GLOBAL APPEND PROPERTY MOE_BACKEND_NAMES ${name})
    set_property(GLOBAL APPEND PROPERTY MOE_BACKEND_TARGETS ${arg_TARGET})
    set_property(GLOBAL PROPERTY MOE_BACKEND_SUMMARY_${name} "${arg_SUMMARY}")
endfunction()

# moe_add_combine(<name> [VARIANTS <variant>...]): <name>.cpp beside the caller defines `const
# CombineEntry <name>`, and a <name>_<variant> for each.
function(moe_add_combine name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "VARIANTS")
    target_sources(moe_combines PRIVATE ${name}.cpp)
    list(TRANSFORM arg_VARIANTS PREPEND ${name}_)
    set_property(GLOBAL APPEND PROPERTY MOE_COMBINE_NAMES ${name} ${arg_VARIANTS})
endfunction()

# moe_add_gather(<name>): <name>.cpp beside the caller defines `const GatherEntry <name>`.
function(moe_add_gather name)
    target_sources(moe_gathers PRIVATE ${name}.cpp)
    set_property(GLOBAL APPEND PROPERTY MOE_GATHER_NAMES ${name})
endfunction()

# moe_generate_tables(<target> [COMBINES <name>...]): the three tables, as a library of objects. COMBINES adds
# strategies that only this target has, for tests that need a wrong one.
# Names travel as CMake lists; C++ text, which is full of semicolons, is only ever built here.
function(moe_generate_tables target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "COMBINES")
    get_property(backends GLOBAL PROPERTY MOE_BACKEND_NAMES)
    get_property(combines GLOBAL PROPERTY MOE_COMBINE_NAMES)
    get_property(gathers GLOBAL PROPERTY MOE_GATHER_NAMES)
    foreach(name IN LISTS backends)
        get_property(summary GLOBAL PROPERTY MOE_BACKEND_SUMMARY_${name})
        string(APPEND backend_decls "Backend open_${name}_backend(const BackendOptions&);\nstd::string ${name}_backend_missing();\nstd::string ${name}_backend_libraries();\n")
        string(APPEND backend_rows "    {\"${name}\", \"${summary}\", open_${name}_backend,\n     ${name}_backend_missing, ${name}_backend_libraries},\n")
    endforeach()
    foreach(name IN LISTS combines arg_COMBINES)
        string(APPEND combine_decls "extern const CombineEntry ${name};\n")
        string(APPEND combine_rows "    &${name},\n")
    endforeach()
    foreach(name IN LISTS gathers)
        string(APPEND gather_decls "extern const GatherEntry ${name};\n")
        string(APPEND gather_rows "    &${name},\n")
    endforeach()
    set(source ${PROJECT_BINARY_DIR}/gen/${target}.cpp)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/tables.cpp.in ${source} @ONLY)
    add_library(${target} OBJECT ${source}) # so that it is linked wherever it stands
    get_property(targets GLOBAL PROPERTY MOE_BACKEND_TARGETS)
    target_link_libraries(${target} PUBLIC moe_comm PRIVATE ${targets} moe_combines moe_gathers)
endfunction()
