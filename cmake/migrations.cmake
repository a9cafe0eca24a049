# sluice_migrations(TARGET ENGINE): puts storage/migrations/ENGINE/NNNN_name.sql into the binary, in order.
#
# Run as a script (cmake -P) by the build, it writes the .cc; included by CMakeLists.txt, it defines
# the rule that does so.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB files ${DIRECTORY}/*.sql)
  list(SORT files)
  set(text "// Made by cmake/migrations.cmake from storage/migrations/${ENGINE}.\n#include \"storage/migrations.h\"\n\n")
  string(APPEND text "namespace sluice::storage {\n\nstd::span<const Migration> ${ENGINE}_migrations() {\n")
  string(APPEND text "  static constexpr Migration all[] = {\n")
  set(expected 1)
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
      message(FATAL_ERROR "${file}: expected a name like 0001_initial.sql")
    endif()
    string(REGEX REPLACE "^0+" "" number ${CMAKE_MATCH_1})
    if(NOT number EQUAL expected)
      message(FATAL_ERROR "${file}: expected number ${expected}; migrations count up by one, without gaps")
    endif()
    math(EXPR expected "${expected} + 1")
    file(READ ${file} sql)
    string(APPEND text "      {${number}, \"${name}\", R\"SLUICE_SQL(${sql})SLUICE_SQL\"},\n")
  endforeach()
  string(APPEND text "  };\n  return all;\n}\n\n}  // namespace sluice::storage\n")
  file(WRITE ${OUTPUT} "${text}")
  return()
endif()

function(sluice_migrations target engine)
  set(directory ${CMAKE_SOURCE_DIR}/storage/migrations/${engine})
  set(output ${CMAKE_BINARY_DIR}/generated/storage/${engine}_migrations.cc)
  set(script ${CMAKE_SOURCE_DIR}/cmake/migrations.cmake)
  file(GLOB files CONFIGURE_DEPENDS ${directory}/*.sql)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DENGINE=${engine} -DDIRECTORY=${directory} -DOUTPUT=${output} -P ${script}
    DEPENDS ${files} ${script}
    COMMENT "Embedding the ${engine} migrations")
  target_sources(${target} PRIVATE ${output})
endfunction()
