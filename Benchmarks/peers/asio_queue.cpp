// Boost.Asio as a queue: handlers posted and run.
//
//     asio_queue single ENTRIES   one thread posts 64 and runs them, again and again
//     asio_queue pair ENTRIES     two threads post, two threads run
//
// A handler carries what an entry of ours carries: a key, a context and a number.
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace asio = boost::asio;

namespace {

constexpr long batch = 64;
// Posters stay this far ahead of the runners at most.
constexpr long mostAhead = 65536;

struct Entry {
    char key[16];
    char context[16];
    std::uint64_t bytes;
};

Entry entry(long number)
{
    Entry entry{"sensor-7", "reading-000123", static_cast<std::uint64_t>(number)};
    return entry;
}

double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void single(long entries)
{
    asio::io_context context(1);
    std::uint64_t sum = 0;
    for (long done = 0; done < entries; done += batch) {
        for (long index = 0; index < batch; index++)
            asio::post(context, [&sum, entry = entry(done + index)] { sum += entry.bytes; });
        context.run();
        context.restart();
    }
    if (sum != static_cast<std::uint64_t>(entries) * (entries - 1) / 2) std::abort();
}

void pair(long entries)
{
    asio::io_context context(2);
    auto guard = asio::make_work_guard(context);
    std::atomic<long> handled{0};
    std::vector<std::thread> threads;
    for (int runner = 0; runner < 2; runner++)
        threads.emplace_back([&context] { context.run(); });
    for (int poster = 0; poster < 2; poster++) {
        threads.emplace_back([&, poster] {
            for (long posted = 0; posted < entries / 2; posted++) {
                while (posted % batch == 0 && posted * 2 - handled.load() > mostAhead)
                    std::this_thread::yield();
                asio::post(context, [&, entry = entry(posted)] {
                    if (handled.fetch_add(1, std::memory_order_relaxed) + 1 == entries / 2 * 2)
                        guard.reset();
                    if (entry.bytes > static_cast<std::uint64_t>(entries)) std::abort();
                });
            }
        });
    }
    for (auto &thread : threads) thread.join();
}

}  // namespace

int main(int count, char **arguments)
{
    if (count != 3) {
        std::fputs("asio_queue: single ENTRIES, or pair ENTRIES\n", stderr);
        return 2;
    }
    long entries = std::atol(arguments[2]) / batch * batch;
    double start = now();
    std::strcmp(arguments[1], "single") == 0 ? single(entries) : pair(entries);
    double seconds = now() - start;
    std::printf(
        "{\"entries\": %ld, \"seconds\": %.4f, \"per_second\": %.1f}\n", entries, seconds,
        entries / seconds);
}
