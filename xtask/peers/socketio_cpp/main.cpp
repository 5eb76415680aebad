// Benchmark peer: socket.io-client-cpp 3.1.0. Usage: bench-socketio_cpp PORT receive|send|echo|answer|request
//
// What the modes do with the events of the server says xtask/src/bench/socketio/server.rs. It is not built by the
// benchmark. With the sources of the client in $SIO and the headers of websocketpp, asio and rapidjson where the compiler
// looks:
//
//   g++ -std=c++17 -O3 -DASIO_STANDALONE -D_WEBSOCKETPP_CPP11_STL_ -D_WEBSOCKETPP_CPP11_FUNCTIONAL_ -I$SIO/src \
//     main.cpp $SIO/src/*.cpp $SIO/src/internal/*.cpp -pthread -o bench-socketio_cpp
//   PATCHCORD_BENCH_SOCKETIO_CPP=$PWD/bench-socketio_cpp cargo xtask bench socketio

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>

#include "sio_client.h"

namespace {

// Emits an event with a text and asks for an acknowledgement, behind which it does so again.
void request(const sio::socket::ptr& socket, const sio::message::ptr& text) {
    socket->emit("e", sio::message::list(text), [socket, text](const sio::message::list&) { request(socket, text); });
}

// What the mode does with the event `e`.
sio::socket::event_listener on_event(const std::string& mode, const sio::socket::ptr& socket) {
    if (mode == "echo") {
        return [socket](sio::event& event) { socket->emit("e", sio::message::list(event.get_message())); };
    }
    if (mode == "answer") {
        return [](sio::event& event) { event.put_ack_message(sio::message::list(event.get_message())); };
    }
    return [](sio::event&) {};
}

// What the mode does with a mark.
sio::socket::event_listener on_mark(const std::string& mode, const sio::socket::ptr& socket) {
    if (mode == "send") {
        return [socket](sio::event& event) {
            const auto& order = event.get_messages();
            for (auto left = order[0]->get_int(); left > 0; --left) {
                socket->emit("e", sio::message::list(order[1]));
            }
        };
    }
    if (mode == "request") {
        return [socket](sio::event& event) { request(socket, event.get_messages()[1]); };
    }
    return [](sio::event& event) { event.put_ack_message(sio::message::list(event.get_message())); };
}

}  // namespace

int main(int count, char** args) {
    if (count == 2 && args[1] == std::string("--version")) {
        std::cout << "socket.io-client-cpp 3.1.0\n";
        return 0;
    }
    if (count != 3) {
        std::cerr << "expected: PORT receive|send|echo|answer|request\n";
        return 2;
    }
    const std::string mode = args[2];
    std::mutex mutex;
    std::condition_variable ended;
    bool has_ended = false;
    const auto end = [&] {
        const std::lock_guard<std::mutex> lock(mutex);
        has_ended = true;
        ended.notify_one();
    };

    sio::client client;
    client.set_logs_quiet();
    client.set_reconnect_attempts(0);
    client.set_close_listener([&](const sio::client::close_reason&) { end(); });
    client.set_fail_listener(end);
    const auto socket = client.socket();
    socket->on("e", on_event(mode, socket));
    socket->on("m", on_mark(mode, socket));
    client.connect(std::string("http://127.0.0.1:") + args[1]);
    std::unique_lock<std::mutex> lock(mutex);
    ended.wait(lock, [&] { return has_ended; });
}
