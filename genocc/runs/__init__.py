"""Runs: folders that can be read at any time and resumed wherever a process was killed, and the loop that fills them.

::

    runs/a/
      config.json        everything needed to repeat the run
      history.jsonl      one line per epoch
      checkpoint/        the newest two states, each written all or nothing: 00000012.pt
      log.txt            what a person wants to know afterwards
      genotype.json      of a search: the result, once there is one; of a training: what is trained
      best.safetensors   of a training: the weights of the epoch with the best accuracy so far
      test.json          of a training with held-out images: the accuracy of these weights on the test images
      last.safetensors   of a training: the result, the weights after the last epoch
      tensorboard/       events, if they are wanted
      tracking/          what experiment trackers have of the run, and what they write

Searches, trainings and rankings share this room. What reads and writes folders imports no PyTorch; the loop, its
checkpoints, its meter and its processes do.
"""
