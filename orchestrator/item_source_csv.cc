// A CSV file (RFC 4180), a row at a time.
#include <set>
#include <vector>

#include "base/json_text.h"
#include "orchestrator/item_source_impl.h"

namespace sluice::orchestrator {
namespace {

using workflows::Evaluated;
using workflows::Failure;

class CsvSource final : public ItemSource {
 public:
  CsvSource(OpenedFile file, const workflows::ItemReader& reader)
      : ItemSource("S3://" + file.place, file.items_max),
        file_(std::move(file)),
        delimiter_(static_cast<unsigned char>(reader.csv_delimiter)) {}

  std::optional<Failure> read_header(const workflows::ItemReader& reader) {
    if (reader.csv_header_given) {
      header_ = reader.csv_headers;
    } else {
      auto found = row(header_);
      if (!found) return std::move(found.failure());
      if (!*found)
        return reader_failure(
            fmt::format("file \"{}\" is empty: expected a first row with the names of its columns",
                        file_.place));
    }
    std::set<std::string_view> seen;
    for (const std::string& name : header_)
      if (!seen.insert(name).second)
        return reader_failure(fmt::format(
            "CSV headers cannot contain duplicates: \"{}\" is named twice ({})", name,
            reader.csv_header_given ? std::string("CSVHeaders")
                                    : fmt::format("first row of file \"{}\"", file_.place)));
    return std::nullopt;
  }

 private:
  Evaluated<bool> take(SourceItem& item) override {
    std::vector<std::string> cells;
    const std::int64_t line = file_.reader.line();
    auto found = row(cells);
    if (!found) return std::move(found.failure());
    if (!*found) return false;
    item.text = "{";
    for (std::size_t i = 0; i < header_.size(); ++i) {
      if (i > 0) item.text += ',';
      append_json_string(item.text, header_[i]);
      item.text += ':';
      append_json_string(item.text, i < cells.size() ? std::string_view(cells[i]) : "");
    }
    item.text += '}';
    if (item.text.size() > file_.item_bytes_max) return too_large(line);
    // The only thing that can be wrong with it.
    if (!check_json(item.text))
      return reader_failure(
          fmt::format("file \"{}\", line {}: expected valid UTF-8", file_.place, line));
    return true;
  }

  Failure too_large(std::int64_t line) const {
    return reader_failure(
        fmt::format("file \"{}\", line {}: expected rows of at most {} bytes (the payload limit), "
                    "found a larger one",
                    file_.place, line, file_.item_bytes_max));
  }

  // The next row that is not empty. False: the end.
  Evaluated<bool> row(std::vector<std::string>& cells) {
    for (;;) {
      cells.assign(1, {});
      const std::int64_t line = file_.reader.line();
      std::size_t bytes = 0;
      bool any = false;     // a byte, a quote or a delimiter: not an empty line
      bool quoted = false;  // inside quotes
      bool begun = false;   // of the cell
      for (;;) {
        const int c = file_.reader.get();
        if (c == FileReader::end) {
          if (file_.reader.failed())
            return reader_failure(
                fmt::format("file \"{}\" cannot be read: {}", file_.place, file_.reader.reason()));
          if (quoted)
            return reader_failure(fmt::format(
                "file \"{}\", line {}: expected the closing '\"' of a cell, found the end of the "
                "file",
                file_.place, line));
          if (!any) return false;
          return true;
        }
        if (++bytes > file_.item_bytes_max) return too_large(line);
        if (quoted) {
          if (c != '"') {
            cells.back().push_back(static_cast<char>(c));
          } else if (file_.reader.peek() == '"') {
            file_.reader.get();
            cells.back().push_back('"');
          } else {
            quoted = false;
          }
        } else if (c == '"' && !begun) {
          quoted = any = begun = true;
        } else if (c == delimiter_) {
          any = true;
          begun = false;
          // More cells than the bound on bytes lets through cannot come.
          cells.emplace_back();
        } else if (c == '\n' || (c == '\r' && file_.reader.peek() == '\n')) {
          if (c == '\r') file_.reader.get();
          if (any) return true;
          break;
        } else {
          any = begun = true;
          cells.back().push_back(static_cast<char>(c));
        }
      }
    }
  }

  OpenedFile file_;
  const int delimiter_;
  std::vector<std::string> header_;
};

}  // namespace

Evaluated<std::unique_ptr<ItemSource>> items_of_csv(OpenedFile file,
                                                    const workflows::ItemReader& reader) {
  auto source = std::make_unique<CsvSource>(std::move(file), reader);
  if (auto failure = source->read_header(reader)) return *std::move(failure);
  return std::unique_ptr<ItemSource>(std::move(source));
}

}  // namespace sluice::orchestrator
