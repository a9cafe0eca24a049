#include "orchestrator/item_source.h"

#include "base/check.h"
#include "base/json_scan.h"
#include "orchestrator/item_source_impl.h"

namespace sluice::orchestrator {
namespace {

using workflows::Evaluated;
using workflows::Failure;

// A document's text is well-formed, so the scanner only finds where each item ends.
class DocSource final : public ItemSource {
 public:
  DocSource(Doc items, std::int64_t items_max)
      : ItemSource("STATE_DATA", items_max),
        items_(std::move(items)),
        scanner_(items_.text(), SIZE_MAX) {
    scanner_.skip_space();
    object_ = scanner_.next_is('{');
    SLUICE_CHECK(object_ || scanner_.next_is('['), "items are an array or an object");
    scanner_.skip_one();
  }

 private:
  struct Name : json_scan::Ignore {
    std::string text;
    void key(std::string_view slice, bool) { text = json_scan::unescape(slice); }
  };

  Evaluated<bool> take(SourceItem& item) override {
    scanner_.skip_space();
    if (scanner_.next_is(object_ ? '}' : ']')) return false;
    if (!first_) scanner_.skip_one();  // the comma
    first_ = false;
    if (object_) {
      Name name;
      SLUICE_CHECK(scanner_.member_name(name), "a Doc's text is well-formed");
      item.key = std::move(name.text);
    }
    scanner_.skip_space();
    const char* const from = scanner_.at();
    json_scan::Ignore ignore;
    SLUICE_CHECK(scanner_.value(ignore), "a Doc's text is well-formed");
    item.text.assign(from, scanner_.at());
    return true;
  }

  const Doc items_;
  json_scan::Scanner scanner_;
  bool object_ = false;
  bool first_ = true;
};

Evaluated<std::string> text_argument(const Json& arguments, const char* name, bool required) {
  const auto found = arguments.is_object() ? arguments.find(name) : arguments.end();
  if (found == arguments.end() && !required) return std::string();
  if (found == arguments.end())
    return reader_failure(fmt::format("the ItemReader has no {}: expected a string", name));
  if (!found->is_string())
    return reader_failure(fmt::format("the ItemReader's {} is {}: expected a string", name,
                                      workflows::excerpt(*found, 200)));
  return found->get<std::string>();
}

}  // namespace

Evaluated<std::optional<SourceItem>> ItemSource::next() {
  if (failed_) return *failed_;
  if (over_ || (items_max_ > 0 && given_ >= items_max_)) return std::optional<SourceItem>();
  SourceItem item;
  item.index = given_;
  auto taken = take(item);
  if (!taken) {
    failed_ = std::move(taken.failure());
    return *failed_;
  }
  if (!*taken) {
    over_ = true;
    return std::optional<SourceItem>();
  }
  ++given_;
  return std::optional<SourceItem>(std::move(item));
}

Evaluated<std::int64_t> ItemSource::skip(std::int64_t count) {
  for (std::int64_t skipped = 0; skipped < count; ++skipped) {
    auto item = next();
    if (!item) return std::move(item.failure());
    if (!*item) return skipped;
  }
  return count;
}

std::unique_ptr<ItemSource> items_of(Doc items, std::int64_t items_max) {
  return std::make_unique<DocSource>(std::move(items), items_max);
}

Evaluated<std::unique_ptr<ItemSource>> open_items(const workflows::ItemReader& reader,
                                                  const Json& arguments, std::int64_t items_max,
                                                  const ItemFiles& files) {
  using Reader = workflows::ItemReader;
  if (items_max < 0) return reader_failure("field MaxItems must be positive");
  if (files.directory.empty())
    return reader_failure(
        "this server reads no files of items: start it with --items-directory DIR "
        "(SLUICE_ITEMS_DIRECTORY); Bucket and Key then name DIR/BUCKET/KEY");
  auto bucket = text_argument(arguments, "Bucket", true);
  if (!bucket) return std::move(bucket.failure());
  if (reader.source == Reader::Source::listing) {
    auto prefix = text_argument(arguments, "Prefix", false);
    if (!prefix) return std::move(prefix.failure());
    return items_of_listing(files.directory, *bucket, *std::move(prefix), items_max);
  }
  auto key = text_argument(arguments, "Key", true);
  if (!key) return std::move(key.failure());
  auto handle = open_item_file(files.directory, *bucket, *key);
  if (!handle) return std::move(handle.failure());
  OpenedFile file{FileReader(*std::move(handle)), *bucket + '/' + *key, items_max,
                  files.item_bytes_max};
  switch (reader.format) {
    case Reader::Format::json:
      return items_of_json(std::move(file), reader.items_pointer);
    case Reader::Format::json_lines:
      return items_of_lines(std::move(file));
    case Reader::Format::csv:
      return items_of_csv(std::move(file), reader);
  }
  SLUICE_CHECK(false, "a format of the reader");
}

ItemBatcher::ItemBatcher(ItemSource& source, Limits limits, Doc batch_input, Prepare prepare,
                         std::int64_t next_batch)
    : source_(source),
      limits_(limits),
      tail_(batch_input ? "],\"BatchInput\":" + batch_input.text() + '}' : std::string("]}")),
      prepare_(std::move(prepare)),
      next_batch_(next_batch) {}

Evaluated<bool> ItemBatcher::look_ahead() {
  if (ahead_) return true;
  auto item = source_.next();
  if (!item) return std::move(item.failure());
  if (!*item) return false;
  ahead_index_ = (*item)->index;
  if (!prepare_) {
    ahead_ = std::move((*item)->text);
    return true;
  }
  auto text = prepare_(std::move(**item));
  if (!text) return std::move(text.failure());
  ahead_ = *std::move(text);
  return true;
}

Evaluated<std::optional<Batch>> ItemBatcher::next() {
  std::size_t bytes_max = limits_.payload_bytes_max;
  if (limits_.bytes_max > 0)
    bytes_max = std::min(bytes_max, static_cast<std::size_t>(limits_.bytes_max));
  Batch batch;
  batch.text = "{\"Items\":[";
  while (limits_.items_max == 0 || batch.item_count < limits_.items_max) {
    const auto more = look_ahead();
    if (!more) return more.failure();
    if (!*more) break;
    const bool first = batch.item_count == 0;
    const std::size_t bytes = batch.text.size() + (first ? 0 : 1) + ahead_->size() + tail_.size();
    if (bytes > bytes_max) {
      if (!first) break;
      return reader_failure(
          fmt::format("item {} alone makes a batch of {} bytes: expected at most {} "
                      "(MaxInputBytesPerBatch and the payload limit)",
                      ahead_index_, bytes, bytes_max));
    }
    if (first)
      batch.first_item = ahead_index_;
    else
      batch.text += ',';
    batch.text += *ahead_;
    ahead_.reset();
    ++batch.item_count;
  }
  if (batch.item_count == 0) return std::optional<Batch>();
  batch.text += tail_;
  batch.index = next_batch_++;
  return std::optional<Batch>(std::move(batch));
}

}  // namespace sluice::orchestrator
