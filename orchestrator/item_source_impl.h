// The kinds of sources, for item_source.cc, which chooses among them. See item_source.h.
//
// Threads: as item_source.h says.
#pragma once

#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>

#include "orchestrator/item_files.h"
#include "orchestrator/item_source.h"

namespace sluice::orchestrator {

struct OpenedFile {
  FileReader reader;
  std::string place;  // "BUCKET/KEY"
  std::int64_t items_max;
  std::size_t item_bytes_max;
};

inline workflows::Failure reader_failure(std::string cause) {
  return {"States.ItemReaderFailed", std::move(cause)};
}

workflows::Evaluated<std::unique_ptr<ItemSource>> items_of_json(OpenedFile file,
                                                                std::string pointer);
std::unique_ptr<ItemSource> items_of_lines(OpenedFile file);
workflows::Evaluated<std::unique_ptr<ItemSource>> items_of_csv(OpenedFile file,
                                                               const workflows::ItemReader& reader);
workflows::Evaluated<std::unique_ptr<ItemSource>> items_of_listing(const std::string& directory,
                                                                   const std::string& bucket,
                                                                   std::string prefix,
                                                                   std::int64_t items_max);

}  // namespace sluice::orchestrator
