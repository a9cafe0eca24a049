// Where a Map's items come from: a document, or files below the directory of items.
//
//   auto source = open_items(reader, arguments, items_max, {.directory = …});
//   if (!source) …the state fails with source.failure()…
//   if (auto skipped = (*source)->skip(done); !skipped) …
//   for (;;) { auto item = (*source)->next(); … }
//
// Guarantees:
//   - An item is well-formed JSON of at most `item_bytes_max` bytes, nested no deeper than
//     json_depth_max; numbered from 0 in the order of the source.
//   - Files are read in pieces: memory holds one piece and one item, however large the file. (A
//     listing holds the names of the folders on the way to where it stands.)
//   - skip() counts what next() would have given; after a restart it leads back to the same item as
//     long as the files are the same.
//
// Failure: States.ItemReaderFailed, with the file, the place in it, what was found and what was
// expected. A source that has failed or ended stays so.
//
// Files and what becomes of them:
//   json        The array, or with ItemsPointer the array or object it selects. An object that is
//               the whole file is refused, as the service does. What stands outside of the selected
//               value is only looked at for where it ends.
//   json_lines  A value per line; empty lines are nothing.
//   csv         RFC 4180; every cell is a string, extra cells are dropped, missing ones are "";
//               empty lines are nothing; a name twice in the header is refused.
//   listing     One item per file: {"Etag", "Key", "LastModified" (seconds), "Size",
//               "StorageClass"}, in the order of keys, those whose key begins with Prefix.
//               Hidden folders ".sluice-…" and symbolic links are left out.
//
// Threads: not thread-safe, caller serialises. The calls read files and may block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/doc.h"
#include "base/json.h"
#include "workflows/evaluation.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

struct SourceItem {
  std::int64_t index = 0;
  std::string text;                // JSON
  std::optional<std::string> key;  // of an object's member
};

class ItemSource {
 public:
  virtual ~ItemSource() = default;
  ItemSource(const ItemSource&) = delete;
  ItemSource& operator=(const ItemSource&) = delete;

  // The next item, or nothing at the end.
  workflows::Evaluated<std::optional<SourceItem>> next();
  // Passes over `count` items; how many there were.
  workflows::Evaluated<std::int64_t> skip(std::int64_t count);
  // `$$.Map.Item.Source`: "STATE_DATA", "S3://BUCKET/KEY" or, of a listing, "S3://BUCKET".
  const std::string& name() const { return name_; }

 protected:
  ItemSource(std::string name, std::int64_t items_max)
      : name_(std::move(name)), items_max_(items_max) {}
  // Fills in text and key. False: the end.
  virtual workflows::Evaluated<bool> take(SourceItem& item) = 0;

 private:
  std::string name_;
  std::int64_t items_max_;  // 0: all
  std::int64_t given_ = 0;
  bool over_ = false;
  std::optional<workflows::Failure> failed_;
};

// The elements of an array or the members of an object, as slices of its text.
// REQUIRES: `items` is one of the two.
std::unique_ptr<ItemSource> items_of(Doc items, std::int64_t items_max = 0);

struct ItemFiles {
  std::string directory;  // the server's option; empty: there is none, and nothing can be read
  std::size_t item_bytes_max = 1 << 20;
};

// `arguments`: the ItemReader's, evaluated. `items_max`: 0 is all; a negative one is refused.
workflows::Evaluated<std::unique_ptr<ItemSource>> open_items(const workflows::ItemReader& reader,
                                                             const Json& arguments,
                                                             std::int64_t items_max,
                                                             const ItemFiles& files);

// Several items as one input: {"Items": […], "BatchInput": …}.
struct Batch {
  std::int64_t index = 0;       // of the batch
  std::int64_t first_item = 0;  // after a restart: source.skip(first_item + item_count)
  std::int64_t item_count = 0;
  std::string text;
};
class ItemBatcher {
 public:
  struct Limits {
    std::int64_t items_max = 0;  // 0: by size only
    std::int64_t bytes_max = 0;  // of the whole input; 0: the payload limit
    std::size_t payload_bytes_max = 1 << 20;
  };
  // What becomes of an item before it is put into a batch (ItemSelector): JSON text.
  using Prepare = std::function<workflows::Evaluated<std::string>(SourceItem)>;

  // `source` must outlive the batcher. `batch_input` may be absent. `next_batch`: the number of the
  // first one it makes.
  ItemBatcher(ItemSource& source, Limits limits, Doc batch_input, Prepare prepare,
              std::int64_t next_batch = 0);

  // The next batch, or nothing at the end. An item that alone is over the limit fails with
  // States.ItemReaderFailed; what `prepare` fails with is passed on.
  workflows::Evaluated<std::optional<Batch>> next();

 private:
  workflows::Evaluated<bool> look_ahead();

  ItemSource& source_;
  const Limits limits_;
  const std::string tail_;  // what closes a batch
  const Prepare prepare_;
  std::int64_t next_batch_;
  std::int64_t ahead_index_ = 0;
  std::optional<std::string> ahead_;  // taken from the source, too large for the batch before
};

}  // namespace sluice::orchestrator
